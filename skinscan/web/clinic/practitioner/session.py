"""A new session on one screen: photos beside the last ones, what was done, then measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gradio as gr

from skinscan.course.reading import VIEWS
from skinscan.records import ParameterError, PhotoError, SkinscanError
from skinscan.services import Actor, Clinic, advising, patients, visits
from skinscan.store.errors import NotFound
from skinscan.treatment.functions import how_to_photograph, protocols_of
from skinscan.web import words
from skinscan.web.clinic.asking import actor_of
from skinscan.web.clinic.practitioner import measured
from skinscan.web.clinic.practitioner.entering import AFTER, BEFORE, Item, capture_of, entered
from skinscan.web.clinic.practitioner.listing import sites
from skinscan.web.clinic.practitioner.parts import Patient, html, refusing, view

SLOTS = 8
_ANSWERS = [("not asked", "unknown"), ("yes", "yes"), ("no", "no")]

TO_RESULT = "() => document.querySelector('#done')?.scrollIntoView({behavior: 'smooth'})"

PARTS = 6
"""Of a slot, as they are told anew: box, picture, verdict, view, when it was taken, whether it is a repeat."""


@dataclass(frozen=True)
class Slot:
    """The place of one photo on the screen."""

    box: Any
    picture: Any
    said: Any
    view: Any
    taken: Any
    anew: Any
    remove: Any


def build(clinic: Clinic, patient_id: gr.State) -> Patient:
    with gr.Tab("New session", id="new", elem_id="tab-new"):
        told = html(elem_id="plan")
        with gr.Row():
            when = gr.Textbox(label="When", info=f"local time ({clinic.zone})", elem_id="when", max_lines=1)
            site = gr.Dropdown(sites(clinic), label="Where on the body", elem_id="site")
        added = gr.File(
            label="Photos: drop all views of this visit here, or click to choose",
            file_count="multiple", type="filepath", elem_id="photos", height=120,
        )  # fmt: skip
        items, unseen, saved = gr.State([]), gr.State([]), gr.State(None)
        slots = [_slot(number) for number in range(SLOTS)]
        aids = _aids()
        skin = _skin(clinic)
        treatment = _treatment(clinic)
        save = gr.Button("Save and measure", variant="primary", size="lg", elem_id="save")
        done = html(elem_id="done")
    shown = [part for slot in slots for part in (slot.box, slot.picture, slot.said, slot.view, slot.taken, slot.anew)]
    views = [slot.view for slot in slots]
    added.upload(
        _bring(clinic), [added, items, patient_id, site, *views], [added, items, unseen, *shown, done],
        show_progress_on=[added], concurrency_limit=4, concurrency_id="keeping",
    ).success(
        _judge(clinic), [items, unseen, patient_id, site, *aids], [slot.said for slot in slots],
        show_progress="hidden", concurrency_limit=2, concurrency_id="looking",
    )  # fmt: skip
    for number, slot in enumerate(slots):
        slot.remove.click(_remove(clinic, number), [items], [items, *shown], show_progress="hidden")
        slot.view.input(
            _look_again(clinic, number), [items, patient_id, site, slot.view, *aids], [slot.picture, slot.said],
            show_progress="hidden", concurrency_limit=2, concurrency_id="looking",
        )  # fmt: skip
    site.input(_plan(clinic), [patient_id, site], [told], show_progress="hidden")
    per_slot = [part for slot in slots for part in (slot.view, slot.taken, slot.anew)]
    save.click(
        _save(clinic), [patient_id, items, when, site, *aids, *skin, *treatment, *per_slot],
        [done, items, *shown, treatment[0], saved], show_progress_on=[done], concurrency_limit=4,
        concurrency_id="keeping", trigger_mode="once",
    ).success(
        _measure(clinic), [patient_id, saved], [done], show_progress_on=[done], concurrency_limit=1,
        concurrency_id="measuring",
    ).success(None, js=TO_RESULT)  # fmt: skip
    return Patient(_show(clinic), [told, when, site, items, *shown, done, *aids])


def _slot(number: int) -> Slot:
    with gr.Group(visible=False, elem_id=f"slot-{number}", elem_classes="slot") as box:
        picture = html()
        said = html(elem_id=f"verdict-{number}")
        with gr.Row():
            named = gr.Dropdown(
                list(VIEWS), label="View", allow_custom_value=True, elem_id=f"view-{number}",
                info="the same name each time",
            )  # fmt: skip
            taken = gr.Radio([BEFORE, AFTER], value=BEFORE, label="If treated today, taken")
            anew = gr.Checkbox(
                label="A repeat: camera and patient placed anew",
                info="second shot of the same view, for this clinic's own error",
            )  # fmt: skip
            remove = gr.Button("Take off", size="sm", elem_id=f"remove-{number}")
    return Slot(box, picture, said, named, taken, anew, remove)


def _aids() -> list[Any]:
    """How the photos were taken."""
    with gr.Accordion("How the photos are taken", open=False, elem_id="aids"):
        gr.Markdown("The printed skin card in the photo tells scale and colour by itself. Else say what is there.")
        with gr.Row():
            marker = gr.Textbox(label="Black side of the sticker (mm)", max_lines=1)
            pitch = gr.Textbox(label="Colour card: from patch to patch (mm)", max_lines=1)
            scale = gr.Textbox(label="Millimetres a pixel, if known", max_lines=1)
        with gr.Row():
            setup = gr.Checkbox(label="Same stand, camera, lamp and place as before")
            lamp = gr.Checkbox(label="Same camera and lamp as before")
            raking = gr.Checkbox(label="Light from one side on purpose")
            polarised = gr.Checkbox(label="Crossed polarisers")
    return [marker, pitch, scale, setup, lamp, raking, polarised]


def _skin(clinic: Clinic) -> list[Any]:
    """How the skin was prepared, and what the clinician graded by eye."""
    with gr.Accordion("The skin today", open=True, elem_id="skin"):
        with gr.Row():
            asked = [
                gr.Radio(_ANSWERS, value="unknown", label=label)
                for label in ("Washed", "Make-up on", "Sunscreen on", "Tanned since last time")
            ]
        with gr.Row():
            rest = gr.Textbox(label="Minutes of rest before the photos", max_lines=1)
            scales = " ".join(f"{row.scale}={row.lowest:g}..{row.highest:g}" for row in clinic.treatment.scales)
            grades = gr.Textbox(label="Graded by eye", placeholder="GAIS=2 Wrinkle=3", info=scales, max_lines=1)
    return [*asked, rest, grades]


def _treatment(clinic: Clinic) -> list[Any]:
    """What was done."""
    with gr.Accordion("Treatment today", open=False, elem_id="treatment"):
        treated = gr.Checkbox(label="A session was done today", elem_id="treated")
        questions = [(row.question, row.prompt) for row in clinic.treatment.screening]
        screening = gr.CheckboxGroup(questions, label="Ask first; tick what the patient says yes to")
        asked = gr.Checkbox(label="All of these were asked", elem_id="asked")
        with gr.Row():
            devices = [row.device for row in clinic.treatment.devices]
            device = gr.Dropdown(devices, value="dermapen", label="Device", allow_custom_value=True)
            tip = gr.Textbox(label="Tip", placeholder="12 needles", max_lines=1)
            depth = gr.Textbox(label="Depth (mm)", placeholder="1.0, or forehead=0.5 left_cheek=1.0", max_lines=1)
            passes = gr.Textbox(label="Passes", max_lines=1)
        with gr.Row():
            topical = gr.Textbox(label="Topical, PRP", max_lines=1)
            numbing = gr.Textbox(label="Numbing", max_lines=1)
            operator = gr.Textbox(label="Operator", max_lines=1)
        with gr.Row():
            events = gr.Textbox(label="Adverse events", lines=2)
            notes = gr.Textbox(label="Notes", info="Kept in clear: no names here", lines=2)
    return [treated, screening, asked, device, tip, depth, passes, topical, numbing, operator, events, notes]


# --- when the page is opened ----------------------------------------------------------------------------------


def _show(clinic: Clinic) -> Any:
    def show(patient_id: str, request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            courses = patients.courses(clinic, actor, patient_id)
            site = courses[0].site if courses else sites(clinic)[0][1]
            now = datetime.now(ZoneInfo(clinic.zone))
            told = plan(clinic, actor, patient_id, site)
            boxes = _empty_slot() * SLOTS
            return told, f"{now:%Y-%m-%d %H:%M}", site, [], *boxes, "", *said_before(clinic, actor, patient_id)

    return show


def said_before(clinic: Clinic, actor: Actor, patient_id: str) -> list[Any]:
    """What was said last time of how the photos were taken, as it is mostly so again; but of the set-up, said anew."""
    found = [photo for _, photos in visits.visits_of(clinic, actor, patient_id) for photo in photos]
    told = found[0].capture if found else {}
    sizes = [f"{told[name]:g}" if told.get(name) else "" for name in ("marker_mm", "card_pitch_mm")]
    return [*sizes, "", False, False, bool(told.get("raking_light")), bool(told.get("cross_polarised"))]


def plan(clinic: Clinic, actor: Actor, patient_id: str, site: str) -> str:
    """What is treated here, the protocols with a source, how the site is photographed."""
    courses = [one for one in patients.courses(clinic, actor, patient_id) if one.site == site]
    titles = {row.indication: row.title for row in clinic.treatment.indications}
    return view(
        "plan.html",
        treated=[titles[one.indication] for one in courses],
        protocols=[row for one in courses for row in protocols_of(clinic.treatment, one.indication)],
        depths=clinic.treatment.depths,
        facts=how_to_photograph(clinic.treatment, site),
        may=any(one.purpose == "treatment" and one.holds for one in patients.agreements(clinic, actor, patient_id)),
        site=site.replace("_", " "),
    )


def _plan(clinic: Clinic) -> Any:
    def told(patient_id: str, site: str, request: gr.Request) -> str:
        with refusing():
            return plan(clinic, actor_of(clinic, request), patient_id, site)

    return told


# --- photos brought -------------------------------------------------------------------------------------------


def _bring(clinic: Clinic) -> Any:
    """Onto the tray and the screen at once; what they can carry is told by `_judge`, which takes longer."""

    def bring(
        request: gr.Request,
        paths: Sequence[str] | None,
        items: list[Item],
        patient_id: str,
        site: str,
        *views: str | None,
    ) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            # what stands on the screen stays as it is, its view as it was chosen there
            held = [{**one, "view": named or ""} for one, named in zip(items or (), views, strict=False)]
            new, wrong = [], []
            for path in paths or ():
                try:
                    new.append(_brought(clinic, actor, Path(path), patient_id, site, held))
                except SkinscanError as error:
                    wrong.append(f"{Path(path).name}: {error}")
            if wrong:
                gr.Warning(view("wrong.html", wrong=wrong), duration=None)
            boxes = [
                part
                for place in range(SLOTS)
                for part in (
                    _slot_of(held[place], clinic, actor, patient_id, site, view("checking.html"))
                    if place in new else [gr.skip()] * PARTS
                )
            ]  # fmt: skip
            return None, held, [held[place]["item"] for place in new], *boxes, ""

    return bring


def _judge(clinic: Clinic) -> Any:
    def judge(
        request: gr.Request, items: list[Item], unseen: list[str], patient_id: str, site: str, *aids: Any
    ) -> Iterator[tuple[Any, ...]]:
        with refusing():
            actor = actor_of(clinic, request)
            capture = capture_of(*aids)
            for number, one in enumerate(items or ()):
                if one["item"] and one["item"] in unseen:
                    for said in verdicts(clinic, actor, one, patient_id, site, capture):
                        yield tuple(said if number == place else gr.skip() for place in range(SLOTS))

    return judge


def _brought(clinic: Clinic, actor: Actor, path: Path, patient_id: str, site: str, held: list[dict[str, Any]]) -> int:
    """A photo onto the tray and into the first free place of `held`, its file wiped; the place. The view by the file's
    name, or else the first that is missing yet."""
    place = next((number for number, one in enumerate(held) if not one["item"]), len(held))
    if place >= SLOTS:
        path.unlink(missing_ok=True)
        raise ParameterError("There is no more room", expected=f"{SLOTS} photos at a time", todo="save these first")
    try:
        brought = visits.bring(clinic, actor, path.name, path.read_bytes())
    except FileNotFoundError:  # sent twice at once, it was taken up by the other page and wiped
        raise PhotoError("The photo is no longer there", todo="Add it again") from None
    finally:
        path.unlink(missing_ok=True)
    known = visits.views_of(clinic, actor, patient_id, site)
    taken = {one["view"] for one in held if one["item"]}
    named = [view for view in dict.fromkeys([*known, *VIEWS]) if view and view.casefold() in brought.stem]
    missing = [one for one in known if one not in taken]
    told = named or (missing if len(missing) == 1 else [""])  # a wrong view would be compared; none is asked for
    held[place : place + 1] = [{"item": brought.item, "view": told[0]}]
    return place


def verdicts(
    clinic: Clinic, actor: Actor, item: Item, patient_id: str, site: str, capture: Mapping[str, Any]
) -> Iterator[str]:
    """What a photo can carry by itself, then against the last one of its view."""
    try:
        yield words.advice(advising.advise(clinic, actor, item["item"], site, capture))
        earlier = visits.earlier_photo(clinic, actor, patient_id, site, item["view"])
        if earlier is not None:
            told = advising.advise_against(clinic, actor, item["item"], earlier.id, capture)
            yield words.advice(told, "Against the last photo of this view.")
    except NotFound:  # taken off, or saved, meanwhile: in its place may be another
        return
    except SkinscanError as error:
        yield words.failure(str(error))


def _look_again(clinic: Clinic, number: int) -> Any:
    def look(
        request: gr.Request, items: list[Item], patient_id: str, site: str, named: str, *aids: Any
    ) -> Iterator[tuple[Any, Any]]:
        with refusing():
            actor = actor_of(clinic, request)
            if number >= len(items or []):
                return
            item = {**items[number], "view": named or ""}
            yield picture_of(clinic, actor, item, patient_id, site), view("checking.html")
            for said in verdicts(clinic, actor, item, patient_id, site, capture_of(*aids)):
                yield gr.skip(), said

    return look


def _remove(clinic: Clinic, number: int) -> Callable[..., Any]:
    def remove(items: list[Item], request: gr.Request) -> tuple[Any, ...]:
        with refusing():
            actor = actor_of(clinic, request)
            if number < len(items):
                clinic.tray.drop(actor, items[number]["item"])
            # the others stay where they are: moving them would tear what was typed from its photo
            kept = [{**one, "item": ""} if place == number else one for place, one in enumerate(items)]
            boxes = [gr.update(visible=bool(one["item"])) for one in kept]
            boxes += [gr.skip()] * (SLOTS - len(boxes))
            return kept, *(part for box in boxes for part in (box, *[gr.skip()] * (PARTS - 1)))

    return remove


def picture_of(clinic: Clinic, actor: Actor, item: Item, patient_id: str, site: str) -> str:
    """The photo, and beside it the last one of its view to hold it against."""
    earlier = visits.earlier_photo(clinic, actor, patient_id, site, item["view"])
    day = None
    if earlier is not None:
        from skinscan.services.days import day_of

        day = day_of(visits.visit_of(clinic, actor, earlier.visit_id))
    return view("slot.html", item=item["item"], earlier=earlier, day=day, named=item["view"])


def _slot_of(item: Item, clinic: Clinic, actor: Actor, patient_id: str, site: str, said: str) -> list[Any]:
    """Values of a slot's parts for a photo that is new in it: nothing that was ticked for another stays."""
    picture = picture_of(clinic, actor, item, patient_id, site)
    return [gr.update(visible=True), picture, said, item["view"], BEFORE, False]


def _empty_slot() -> list[Any]:
    return [gr.update(visible=False), "", "", None, BEFORE, False]


# --- saving ---------------------------------------------------------------------------------------------------


def _save(clinic: Clinic) -> Any:
    """Photos and visit into the record. Measuring comes after: a full clinic measures one visit at a time, and nobody
    shall wait for that to know that the photos are safe."""

    def save(request: gr.Request, *told: Any) -> tuple[Any, ...]:
        patient_id, items, when, site, *typed = told
        with refusing():
            actor = actor_of(clinic, request)
            visiting, shown = entered(clinic, items, when, site, *typed)
            saved = visits.save(clinic, actor, patient_id, visiting, shown)
            # what was refused stays in its place, with all that was said of it
            left = [one if one["item"] in saved.refused else {**one, "item": ""} for one in items or ()]
            boxes = [
                part
                for place in range(SLOTS)
                for part in (
                    [gr.skip()] * PARTS if place < len(left) and left[place]["item"] else _empty_slot()
                )
            ]  # fmt: skip
            # "a session was done" is taken back: pressed again, the button must not write it down twice
            return _said_of(saved, (), measuring=True), left, *boxes, False, saved

    return save


def _measure(clinic: Clinic) -> Any:
    def measure(
        request: gr.Request,
        patient_id: str,
        saved: visits.Saved | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio finds it)
    ) -> str:
        with refusing():
            actor = actor_of(clinic, request)
            if saved is None:
                return ""
            tell = lambda share, text: progress(share, desc=text)  # noqa: E731
            return _said_of(saved, measured.visit(clinic, actor, patient_id, saved.photos, tell))

    return measure


def _said_of(saved: visits.Saved, result: Sequence[measured.Told], measuring: bool = False) -> str:
    return view(
        "saved.html", photos=len(saved.photos), refused=list(saved.refused.values()), result=result,
        chief=chief(result), measuring=measuring,
    )  # fmt: skip


def chief(result: Sequence[measured.Told]) -> list[measured.Told]:
    """What is unfolded at once: the last comparison, or else the courses, or else the last photo's own numbers."""
    made = [told for told in result if told.page]
    compared = [told for told in made if told.kind == "comparison"][-1:]
    return compared or [told for told in made if told.kind == "course"] or made[-1:]
