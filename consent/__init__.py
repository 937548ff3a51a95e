"""Who may be told?"""
