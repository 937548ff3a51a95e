"""Broadcasts in the browser: composing one, watching one, and the senders that carry them."""
