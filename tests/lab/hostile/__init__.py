"""Hosts that lie, stall, flood and forge: scripted servers of the test LAN, written from the public specifications."""
