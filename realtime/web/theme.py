"""Dark and light: the style of the page's own texts, and the colours of the stage."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.web.palette import BACKDROP, LEFT, LINE, Rgb

STYLE = """<style>
html:root[data-mantine-color-scheme="dark"]{--mantine-color-dimmed:#a9b5c6}
html:root[data-mantine-color-scheme="light"]{--mantine-color-dimmed:#475569}
@media (pointer:coarse){button.mantine-Button-root{min-height:2.7em}.mantine-Input-input{min-height:2.5em}}
.sc{--fg:#dbe3ee;--strong:#f8fafc;--dim:#9aa7ba;--card:#ffffff0d;--edge:#ffffff1a;--good:#34d399;
--warn:#fbbf24;--bad:#f87171;--info:#7dd3fc;
font:13px/1.45 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);
padding:2px 12px 6px;font-variant-numeric:tabular-nums}
[data-mantine-color-scheme="light"] .sc{--fg:#334155;--strong:#0f172a;--dim:#526074;--card:#0f172a0a;
--edge:#0f172a24;--good:#047857;--warn:#92400e;--bad:#b91c1c;--info:#0369a1}
.sc b{font-weight:650;color:var(--strong)}.sc .dim{color:var(--dim)}
.sc .good{color:var(--good)}.sc .warn{color:var(--warn)}.sc .bad{color:var(--bad)}.sc .info{color:var(--info)}
.sc .row{display:flex;justify-content:space-between;align-items:baseline;gap:10px}
.sc .end{text-align:right}
.sc .state{display:flex;align-items:center;gap:8px;font-size:15px;font-weight:600;color:var(--strong)}
.sc .dot{width:9px;height:9px;border-radius:50%;display:inline-block;flex:none}
.sc .cards{display:grid;grid-template-columns:repeat(3,1fr);gap:8px;margin:6px 0 4px}
.sc .card{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:4px 9px}
.sc .card .v{font-size:19px;line-height:1.2;font-weight:650;color:var(--strong)}
.sc .card .v small{font-size:11px;font-weight:500;color:var(--dim);margin-left:3px}
.sc .card .k{font-size:11px;color:var(--dim)}
.sc .bar{display:flex;height:7px;border-radius:4px;overflow:hidden;background:var(--card);margin:5px 0 4px}
.sc .keys{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:11.5px;color:var(--fg)}
.sc .keys .dot{width:8px;height:8px;margin-right:5px}
.sc hr{border:0;border-top:1px solid var(--edge);margin:9px 0}
.sc table{width:100%;border-collapse:collapse;font-size:12.5px}
.sc th{text-align:left;font-weight:500;color:var(--dim);padding:2px 6px 2px 0}
.sc td{padding:3px 6px 3px 0;border-top:1px solid var(--edge);overflow-wrap:anywhere}
.sc .n{text-align:right;white-space:nowrap}
.sc .rec{color:var(--bad);font-weight:650}
.sc .banner{border-left:4px solid;border-radius:6px;background:var(--card);padding:5px 10px;margin:4px 0}
.sc .banner strong{display:block}.sc .banner.error{border-color:var(--bad)}
.sc .banner.warn{border-color:var(--warn)}.sc .banner.info{border-color:var(--info)}
.sc .banner.error strong{color:var(--bad)}.sc .banner.warn strong{color:var(--warn)}
.sc .banner.info strong{color:var(--info)}.sc .banner span{color:var(--fg)}
.sc .state.bad{color:var(--bad)}
</style>"""


@dataclass(frozen=True)
class Theme:
    """What a viewer sees the stage in."""

    dark: bool
    backdrop: Rgb
    glow: Rgb
    """Added to the backdrop behind the figure."""
    line: Rgb
    section: Rgb


DARK = Theme(True, BACKDROP, (24, 31, 46), LINE, (70, 84, 110))
LIGHT = Theme(False, (176, 187, 202), (34, 32, 28), (150, 162, 180), (118, 132, 154))


def apply(gui: object, theme: Theme) -> None:
    """Dress a viser GUI, of the server or of one viewer."""
    gui.configure_theme(  # type: ignore[attr-defined]
        dark_mode=theme.dark,
        control_width="large",
        show_logo=False,
        show_share_button=False,
        brand_color=LEFT if theme.dark else (2, 120, 180),
    )
