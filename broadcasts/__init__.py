"""To whom, when, how fast, at what price is it said?"""
