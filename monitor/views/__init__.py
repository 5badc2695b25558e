"""Consumers that ship with us; each is an ordinary subscriber."""
