"""A computer that no network reaches: a collector carried on USB that installs nothing, and reading what it brought.

The kit runs what the computer ships (``reg``, ``cscript``, ``sh``); what it wrote is served to the same collectors that
read over the network, so that the same content gives the same facts.
"""
