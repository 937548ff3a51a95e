"""Who speaks, and who pays?"""
