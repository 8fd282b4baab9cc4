"""A Windows computer as it is seen over WMI: DCE/RPC, NTLM, DCOM activation and IWbemServices, for tests only.

Written from the public specifications ([MS-RPCE], [MS-NLMP], [MS-DCOM], [MS-WMI], [MS-WMIO]), apart from the scanner's
own code and from impacket, so that each side checks the other. No real Windows has confirmed it beyond what
``docs/windows-checklist.md`` says: a test that passes here shows that two readings of the specification agree.
"""
