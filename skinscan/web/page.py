"""The page as Gradio components. Wiring only: what happens is in `handlers`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from skinscan.web import handlers, words
from skinscan.web.handlers import Result, Settings, Upload
from skinscan.web.workplace import Workplace

TITLE = "skinscan"

_FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "DejaVu Sans", "sans-serif"]
_MONO = ["ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace"]
_CSS = (Path(__file__).resolve().parent / "templates" / "page.css").read_text("utf-8")

_DARK_ENOUGH = [f"background_fill{state}{mode}" for state in ("", "_hover") for mode in ("", "_dark")]
"""Parts of a button that white letters must be readable on (WCAG AA: 4.5 to 1)."""

HEAD = f'<meta name="referrer" content="no-referrer"><style>{words.style()}\n{_CSS}</style>'

_INTRODUCTION = """# skinscan
Two photos of the same skin in, an honest comparison out: every change is held against its measurement error.
One photo alone is measured. Everything happens on this computer; nothing is sent anywhere, and the photos are
wiped when the page is closed."""

_HELP = """Without a scale, lengths and areas are left out; redness and evenness still come. The printed skin card
beside the skin gives it, and ties the colours of two photos together; a ColorChecker corrects them. A printed ArUco
sticker (DICT_4X4_50) in the photo gives the scale too; so does a number that you know. A region is one line of corner
points in pixels of the before photo: `cheek=420,300,900,300,900,800,420,800`. Name untreated skin, or a grey
patch, as the reference to compare colours between photos."""


def theme() -> gr.themes.Base:
    """Quiet colours and the system's own letters: a font from a server would be a request to it."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal, neutral_hue=gr.themes.colors.stone, font=_FONT, font_mono=_MONO
    ).set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        **{f"button_primary_{part}": "*primary_700" for part in _DARK_ENOUGH},
    )


def build(workplace: Workplace) -> gr.Blocks:
    """The page, its files in `workplace`."""
    page: gr.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        gr.Markdown(_INTRODUCTION, elem_id="introduction")
        boxes, notes = [], []
        with gr.Row():
            for label, name in (("Before, or the only photo", "before"), ("After", "after")):
                with gr.Column(min_width=300):
                    boxes.append(_photo(label, name))
                    notes.append(_html(visible=False))
        held: list[gr.State] = [gr.State(None), gr.State(None)]
        settings, propose = _settings(handlers.skin_card(workplace.path))
        go = gr.Button("Measure", variant="primary", size="lg", elem_id="go")
        said = _html(elem_id="said")
        propose.click(_propose(workplace), [held[0]], [settings[3], said], show_progress_on=[settings[3]])
        results = _results()
        for number, (box, state, note) in enumerate(zip(boxes, held, notes, strict=True)):
            _wire_photo(workplace, box, state, note, settings, of_after=number == 1)
        go.click(
            _measure(workplace),
            [*held, *settings],
            [said, *results, results_state := gr.State({})],
            show_progress_on=[said],
            concurrency_limit=1,
            trigger_mode="once",
        )
        _wire_overlays(results, results_state)
        page.unload(_leave(workplace))
    page.queue(api_open=False, max_size=8)
    return page


def _photo(label: str, name: str) -> gr.Image:
    box = gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload"],
        height=320,
        buttons=["fullscreen"],
        elem_id=name,
        alt_text=label,
    )
    box.preprocess = _as_it_came  # type: ignore[method-assign]
    return box


def _as_it_came(payload: Any) -> str | None:
    """The uploaded file itself: Gradio's own way fails without a word on what Pillow cannot open."""
    return payload.path if payload is not None else None


def _html(**options: Any) -> gr.HTML:
    return gr.HTML(apply_default_css=False, padding=False, **options)


def _settings(card: str) -> tuple[list[Any], gr.Button]:
    with gr.Accordion("Scale and regions", open=False, elem_id="settings"):
        gr.Markdown(_HELP)
        with gr.Row():
            mm_per_px = gr.Textbox(
                label="Millimetres per pixel", placeholder="unknown", max_lines=1, elem_id="mm-per-px"
            )
            marker_mm = gr.Textbox(
                label="Side of the sticker, mm", placeholder="no sticker", max_lines=1, elem_id="marker-mm"
            )
            card_pitch_mm = gr.Textbox(
                label="Colour card: middle to middle of two patches, mm",
                placeholder="no colour card",
                max_lines=1,
                elem_id="card-pitch-mm",
            )
        regions = gr.Textbox(label="Regions, one a line", lines=2, max_lines=8, elem_id="regions")
        propose = gr.Button("Propose regions of the before photo", size="sm", elem_id="propose")
        reference = gr.Textbox(label="Name of the reference region", max_lines=1, elem_id="reference")
        gr.DownloadButton("Printable skin card (PDF)", value=card, size="sm", elem_id="skin-card")
        same_setup = gr.Checkbox(
            label="Same set-up: camera, its settings, lamp, and their place against the skin",
            info="As with a stand, or a lamp fixed to the camera. Smaller changes can then be told from error.",
            elem_id="same-setup",
        )
        same_lamp = gr.Checkbox(
            label="Same camera and lamp, wherever they stood",
            info="Needed for colours where only a grey patch ties the photos: it cannot show that the lamp is another.",
            elem_id="same-lamp",
        )
    return [mm_per_px, marker_mm, card_pitch_mm, regions, reference, same_setup, same_lamp], propose


def _results() -> list[Any]:
    slider = gr.ImageSlider(
        label="Before and after (laid over it for looking only)",
        interactive=False,
        visible=False,
        buttons=["fullscreen"],
        elem_id="slider",
        max_height=700,
    )
    chosen = gr.Dropdown(label="What was seen where", choices=[], visible=False, elem_id="overlay")
    with gr.Row():
        maps = [
            gr.Image(
                label=label,
                format="png",
                interactive=False,
                visible=False,
                buttons=["fullscreen"],
                elem_id=name,
            )
            for label, name in (("Before", "map-before"), ("After", "map-after"))
        ]
    table = _html(elem_id="table", visible=False)
    with gr.Row():
        report = gr.DownloadButton("Download the report", visible=False, variant="primary", elem_id="report")
        archive = gr.DownloadButton("Report, pictures and tables (zip)", visible=False, elem_id="archive")
    return [slider, chosen, *maps, table, report, archive]


def _wire_photo(
    workplace: Workplace, box: gr.Image, state: gr.State, note: gr.HTML, settings: list[Any], *, of_after: bool
) -> None:
    def keep(path: str, request: gr.Request) -> tuple[Any, ...]:
        return _kept(workplace, path, str(request.session_hash))

    def drop() -> tuple[Any, ...]:
        return None, gr.update(visible=False)

    kept = box.upload(keep, box, [box, state, note], show_progress_on=[box])
    advise = _advise(workplace, of_after)
    kept.then(advise, [state, *settings[:3]], [note], show_progress_on=[note], concurrency_limit=1)
    box.clear(drop, None, [state, note], show_progress="hidden")


def _advise(workplace: Workplace, of_after: bool) -> Any:
    def advise(
        upload: Upload | None,
        mm_per_px: str | None,
        marker_mm: str | None,
        card_pitch_mm: str | None,
        request: gr.Request,
    ) -> Any:
        if upload is None:
            return gr.update()
        settings = _typed(mm_per_px, marker_mm, card_pitch_mm)
        told = handlers.advice(upload, settings, workplace.desk(str(request.session_hash)), of_after)
        return gr.update(value=told, visible=True)

    return advise


def _propose(workplace: Workplace) -> Any:
    def propose(upload: Upload | None, request: gr.Request) -> tuple[Any, Any]:
        lines, why = handlers.proposed_regions(upload, workplace.desk(str(request.session_hash)))
        return proposed(lines, why)

    return propose


def proposed(lines: str | None, why: str) -> tuple[Any, Any]:
    """Updates of the regions' box and of what is said: without a proposal, what was typed stays."""
    return (gr.update(), why) if lines is None else (lines, gr.update())


def _typed(
    mm_per_px: str | None,
    marker_mm: str | None,
    card_pitch_mm: str | None,
    regions: str | None = None,
    reference: str | None = None,
    same_setup: bool | None = None,
    same_lamp: bool | None = None,
) -> Settings:
    """The components of `_settings`, in their order."""
    return Settings(
        mm_per_px or "",
        marker_mm or "",
        regions or "",
        reference or "",
        bool(same_setup),
        card_pitch_mm or "",
        bool(same_lamp),
    )


def _kept(workplace: Workplace, path: str, session: str) -> tuple[Any, ...]:
    """(what the box shows, the upload, a note): the file is read into memory, and swept from the disk."""
    try:
        workplace.sweep(session)
        workplace.remember(session, Path(path))
        upload = handlers.take(Path(path))
        return handlers.preview(upload, workplace.desk(session)), upload, gr.update(visible=False)
    except Exception as error:
        return None, None, gr.update(value=handlers.told(error), visible=True)


def _measure(workplace: Workplace) -> Any:
    def measure(
        before: Upload | None,
        after: Upload | None,
        mm_per_px: str | None,
        marker_mm: str | None,
        card_pitch_mm: str | None,
        regions: str | None,
        reference: str | None,
        same_setup: bool | None,
        same_lamp: bool | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio finds it)
    ) -> tuple[Any, ...]:
        settings = _typed(mm_per_px, marker_mm, card_pitch_mm, regions, reference, same_setup, same_lamp)
        desk = workplace.desk(str(request.session_hash))
        told = lambda share, text: progress(share, desc=text)  # noqa: E731
        try:
            return shown(handlers.run(before, after, settings, desk, told))
        finally:
            workplace.sweep(str(request.session_hash))

    return measure


def shown(result: Result) -> tuple[Any, ...]:
    """A result as updates of the components: the words, then `_results` in their order, then the overlays."""
    titles = list(result.overlays)
    first = titles[0] if titles else None
    return (
        result.words,
        gr.update(value=result.slider, visible=result.slider is not None),
        gr.update(choices=titles, value=first, visible=bool(titles)),
        *overlay(first, result.overlays),
        gr.update(value=result.table, visible=bool(result.table)),
        gr.update(value=result.report, visible=result.report is not None),
        gr.update(value=result.archive, visible=result.archive is not None),
        dict(result.overlays),
    )


def overlay(title: str | None, overlays: Mapping[str, Mapping[str, str]]) -> tuple[Any, Any]:
    """The chosen map of the before photo, or of the only one, and of the after photo."""
    roles = overlays.get(title or "", {})
    left = roles.get("before") or roles.get("photo")
    right = roles.get("after")
    label = "Photo" if "photo" in roles else "Before"
    return (
        gr.update(value=left, label=f"{label}: {title}", visible=left is not None),
        gr.update(value=right, label=f"After: {title}", visible=right is not None),
    )


def _wire_overlays(results: list[Any], state: gr.State) -> None:
    chosen, left, right = results[1:4]
    chosen.input(overlay, [chosen, state], [left, right], show_progress="hidden")


def _leave(workplace: Workplace) -> Any:
    def leave(request: gr.Request) -> None:
        workplace.clear(str(request.session_hash))

    return leave
