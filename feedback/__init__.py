"""What came back, and what does it teach?"""
