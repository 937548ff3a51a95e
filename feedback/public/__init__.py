"""The recipients' doors: the page behind a message's link, and the page of everything, opened by number and code."""
