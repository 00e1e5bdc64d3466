"""`skinscan vault`, `backup`, `restore`, `audit`, `patient`: the clinic's record, kept safe from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinscan.cli.calling import FAILED, progress

if TYPE_CHECKING:
    from skinscan.store import Store

FOLDER = click.Path(path_type=Path, file_okay=False)


def _opened() -> Store:
    from skinscan.store import Places, open_store

    return open_store(Places.of_environment())


@click.group()
def vault() -> None:
    """The clinic's photos: begin a clinic, and check that every photo is as it was kept."""


@vault.command("init")
def init_vault() -> None:
    """Begin a clinic: an empty record, a vault, and a master key where none is given."""
    from skinscan.store import Places, make_store

    places = Places.of_environment()
    make_store(places).close()
    click.echo(f"Record and vault: {places.folder}")
    click.echo(f"Keys: {places.keys}")
    if places.master is None:
        click.echo(f"Master key: {places.master_file}")
        click.echo("Keep a copy of the master key elsewhere: it is in no backup, and without it no photo can be read.")


@vault.command("verify")
@click.option("--sweep", is_flag=True, help="Also remove photos whose saving was cut off before the record held them.")
def verify_vault(sweep: bool) -> None:
    """Open every photo and find any that is missing, cut short or altered. Exit code 1 if one is."""
    from skinscan.store.verifying import remove_unreferenced, verify

    with _opened() as store:
        with progress(1000, "verifying") as advance:
            shown = 0

            def tell(done: int, total: int) -> None:
                nonlocal shown
                step = 1000 * done // total - shown
                shown += step
                advance(step)

            found = verify(store, tell)
        for fault in found.faults:
            click.echo(f"photo {fault.photo_id} of patient {fault.patient_id}: {fault.fault}")
        for patient_id in found.patients_without_key:
            click.echo(f"patient {patient_id}: the key is missing")
        click.echo(f"{found.sound} photos are as they were kept, {len(found.faults)} are not.")
        if found.unreferenced:
            click.echo(f"{len(found.unreferenced)} photos in the vault are not in the record (saving was cut off).")
            if sweep:
                click.echo(f"{remove_unreferenced(store)} of them were removed.")
    if not found.ok:
        click.echo("Restore what is missing from a backup: skinscan restore --help", err=True)
        raise SystemExit(FAILED)


@vault.command("drop-cache")
def drop_cache() -> None:
    """Drop all reports and pictures that were made of photos; they are made anew when they are asked for."""
    from skinscan.store.deriving import drop_all

    with _opened() as store:
        click.echo(f"{drop_all(store)} were dropped.")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--keys", "keys_folder", type=FOLDER, required=True, help="Where the backup of the keys goes: elsewhere.")
@click.option("--record-days", type=click.IntRange(1), default=90, show_default=True, help="Keep those of the record.")
@click.option("--keys-days", type=click.IntRange(1), default=30, show_default=True, help="Keep those of the keys.")
def backup(folder: Path, keys_folder: Path, record_days: int, keys_days: int) -> None:
    """Back up the record and the vault to FOLDER, and the keys to another place, while the clinic works.

    Older backups there are removed when their days are over. The master key is in none of them.
    """
    from skinscan.store.backup import make_backup

    with _opened() as store:
        made = make_backup(store, folder, keys_folder, record_days=record_days, keys_days=keys_days)
    click.echo(f"Record and {made.photos} photos: {made.record}")
    click.echo(f"Keys: {made.keys}")


@click.command()
@click.argument("backup_folder", type=FOLDER, metavar="BACKUP")
@click.option("--keys", "keys_backup", type=FOLDER, help="The backup of the keys, where the key store is lost too.")
@click.option(
    "--erasures",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A further list of erased patients (erasures.list). Repeat for more.",
)
@click.option("--no-newer-erasures", is_flag=True, help="Nobody was erased since this backup was made.")
def restore(backup_folder: Path, keys_backup: Path | None, lists: tuple[Path, ...], no_newer_erasures: bool) -> None:
    """Bring BACKUP (a folder record-<time>) back into an empty place. Who was erased since stays erased."""
    from skinscan.store import Places
    from skinscan.store.restoring import restore as bring_back

    places = Places.of_environment()
    done = bring_back(places, backup_folder, keys_backup, erasures=lists, old_list_will_do=no_newer_erasures)
    click.echo(f"The record and {done.photos} photos are back: {places.folder}")
    if done.erased:
        click.echo(f"{len(done.erased)} patients on the list of erasures were left out.")


@click.group()
def audit() -> None:
    """The log of what was done to the record."""


@audit.command("verify")
def verify_audit() -> None:
    """Prove that no line of the audit log was changed, removed or put in between."""
    with _opened() as store:
        click.echo(f"{store.audit.verify()} lines hold together.")


@click.group()
def patient() -> None:
    """A patient's rights: to have everything, and to have everything erased."""


@patient.command("export")
@click.argument("code")
@click.argument("zip_file", type=click.Path(path_type=Path, dir_okay=False), metavar="ZIP")
def export_patient(code: str, zip_file: Path) -> None:
    """Write all that is kept of the patient CODE to ZIP: photos, measurements (CSV, FHIR), DICOM."""
    from skinscan.store.exporting import export_patient as export
    from skinscan.store.reading import patient_of

    with _opened() as store:
        done = export(store, patient_of(store, code).id, zip_file)
    click.echo(f"{done.photos} photos and {done.measurements} measurements: {done.path}")
    for name in done.not_as_dicom:
        click.echo(f"{name} cannot be decoded: it is there as it was given, but not as DICOM.")


@patient.command("erase")
@click.argument("code")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase_patient(code: str, yes: bool) -> None:
    """Erase the patient CODE for good: key, photos and rows. It cannot be undone."""
    from skinscan.store.erasing import erase_patient as erase
    from skinscan.store.reading import patient_of

    with _opened() as store:
        found = patient_of(store, code)
        if not yes:
            click.confirm(f"Erase everything of {found.code}? It cannot be undone", abort=True)
        missed = erase(store, found.id)
    click.echo("Erased.")
    for place in missed:
        click.echo(
            f"The backups in {place} cannot be reached: their keys go when they expire, or with the next backup."
        )
