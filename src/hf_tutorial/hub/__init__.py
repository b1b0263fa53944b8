"""The Hub: how long it is waited for, what is fetched from it, what is said when it fails.

Its modules import the Hub's client, so they are imported where the Hub is asked for something.
"""
