from __future__ import annotations

import io
import shutil
import tarfile
import threading

import pytest

from data.errors import ArtefactError, NotReadyError, ParameterError
from data.events import Event, EventKind
from data.tracks import Track
from recsys import backup
from recsys.backup import restore_backup, write_backup
from recsys.files import write_atomically, write_pointer
from recsys.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.open(tmp_path / "home")
    with workspace.open_store() as store:
        store.upsert_tracks([Track("a"), Track("b")])
        store.add_events([Event("e0", "ada", "a", EventKind.PLAY, 1.0)])
    (workspace.home / "recsys.toml").write_text("seed = 7\n")
    encoder = workspace.encoders / "mine"
    encoder.mkdir(parents=True)
    (encoder / "encoder.tflite").write_bytes(b"weights")
    workspace.use_encoder("mine")
    (workspace.home / "cache").mkdir()
    (workspace.home / "cache" / "large").write_bytes(b"again")
    return workspace


def test_a_restored_workspace_is_the_one_that_was_backed_up(workspace, tmp_path):
    kept = write_backup(workspace, tmp_path / "backup.tar")
    assert kept.with_database
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0
    assert restore_backup(tmp_path / "backup.tar", tmp_path / "new") == kept
    restored = Workspace.open(tmp_path / "new")
    assert restored.config.seed == 7
    assert (restored.encoder_dir() / "encoder.tflite").read_bytes() == b"weights"
    assert not restored.cache.exists()
    with restored.open_store() as store:
        assert (store.n_tracks(), store.n_events()) == (2, 1)


def test_a_backup_holds_one_state_of_a_database_that_is_written_to(workspace, tmp_path):
    stop = threading.Event()
    written = []

    def write():
        with workspace.open_store() as store:
            while not stop.is_set():
                # Two events at once: a state between them never was.
                pair = [f"{len(written)}-{half}" for half in "ab"]
                store.add_events([Event(e, "ada", "b", EventKind.PLAY, 2.0) for e in pair])
                written.extend(pair)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        write_backup(workspace, tmp_path / "backup.tar")
    finally:
        stop.set()
        thread.join()
    restore_backup(tmp_path / "backup.tar", tmp_path / "new")
    with Workspace.open(tmp_path / "new").open_store() as store:
        assert store.n_events() % 2 == 1
        assert store.n_events() <= 1 + len(written)


def test_nothing_is_overwritten(workspace, tmp_path):
    file = tmp_path / "backup.tar"
    file.write_text("mine")
    with pytest.raises(ParameterError, match="new file"):
        write_backup(workspace, file)
    assert file.read_text() == "mine"
    file.unlink()
    write_backup(workspace, file)
    with pytest.raises(ParameterError, match="new or empty"):
        restore_backup(file, workspace.home)
    with pytest.raises(NotReadyError):
        write_backup(Workspace.open(tmp_path / "nowhere"), tmp_path / "other.tar")
    with pytest.raises(ParameterError, match="no file"):
        restore_backup(tmp_path / "ghost.tar", tmp_path / "new")


def archive_of(file, name, kind=tarfile.REGTYPE, content=b"x"):
    with tarfile.open(file, "w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
        tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("/outside", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("link", tarfile.LNKTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_that_reaches_outside_is_refused(tmp_path, name, kind):
    archive_of(tmp_path / "evil.tar", name, kind)
    with pytest.raises(ArtefactError):
        restore_backup(tmp_path / "evil.tar", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar"]


def test_a_damaged_archive_or_database_makes_no_workspace(workspace, tmp_path):
    write_backup(workspace, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    (tmp_path / "short.tar").write_bytes(whole[: len(whole) // 3])
    archive_of(tmp_path / "bad.tar", "recsys.db", content=b"no database" * 100)
    (tmp_path / "text.tar").write_text("text")
    for name in ("short.tar", "bad.tar", "text.tar"):
        with pytest.raises(ArtefactError):
            restore_backup(tmp_path / name, tmp_path / "new")
        assert not (tmp_path / "new").exists()


def meanwhile(monkeypatch, happens):
    """Have `happens(path)` called for each file after it was listed and before it is read."""
    listed = backup._lasting

    def lasting(workspace):
        for path in listed(workspace):
            happens(path)
            yield path

    monkeypatch.setattr(backup, "_lasting", lasting)


def names_in(file):
    with tarfile.open(file) as tar:
        return tar.getnames()


def test_an_upload_that_is_replaced_or_under_way_is_passed_over(workspace, tmp_path, monkeypatch):
    uploads = workspace.home / "library" / "ab"
    uploads.mkdir(parents=True)
    for name in ("gone.wav", "kept.wav", ".next.wav.x1y2.tmp"):
        (uploads / name).write_bytes(b"sound")
    unfinished = workspace.encoders / ".abc.tmp"
    unfinished.mkdir()
    (unfinished / "encoder.json").write_text("{}")
    meanwhile(monkeypatch, lambda path: path.name == "gone.wav" and path.unlink())
    kept = write_backup(workspace, tmp_path / "backup.tar")
    names = names_in(tmp_path / "backup.tar")
    assert kept.n_files == len(names)
    assert [name for name in names if name.startswith("library")] == ["library/ab/kept.wav"]
    assert not [name for name in names if "/." in name]


def test_an_encoder_that_is_deleted_meanwhile_is_an_error_that_says_to_try_again(
    workspace, tmp_path, monkeypatch
):
    meanwhile(monkeypatch, lambda path: path.name == "encoder.tflite" and path.unlink())
    with pytest.raises(NotReadyError, match=r"encoder\.tflite was deleted .* try again"):
        write_backup(workspace, tmp_path / "backup.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_model_that_is_pruned_after_its_pointer_was_kept_is_an_error(
    workspace, tmp_path, monkeypatch
):
    model = workspace.models / "v1"
    model.mkdir(parents=True)
    (model / "manifest.json").write_text("{}")
    write_pointer(workspace.models, "v1")
    happens = lambda path: path.name == "CURRENT" and shutil.rmtree(model, True)  # noqa: E731
    meanwhile(monkeypatch, happens)
    with pytest.raises(NotReadyError, match="v1 was deleted"):
        write_backup(workspace, tmp_path / "backup.tar")


def test_a_file_that_is_replaced_while_it_is_read_is_kept_whole(workspace, tmp_path, monkeypatch):
    report = workspace.home / "evaluation.json"
    report.write_text("short")
    real = tarfile.TarFile.gettarinfo

    def replaced(self, *given, **named):
        member = real(self, *given, **named)
        if member.name == "evaluation.json":
            write_atomically(report, "much longer than before")
        return member

    monkeypatch.setattr(tarfile.TarFile, "gettarinfo", replaced)
    write_backup(workspace, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "new")
    assert (tmp_path / "new" / "evaluation.json").read_text() == "short"


def test_what_links_lead_to_is_kept_and_restored(workspace, tmp_path):
    library = workspace.home / "library"
    library.mkdir()
    (library / "a.wav").write_bytes(b"sound")
    (library / "b.wav").hardlink_to(library / "a.wav")
    (library / "c.wav").symlink_to(library / "a.wav")
    write_backup(workspace, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "new")
    for name in ("a.wav", "b.wav", "c.wav"):
        assert (tmp_path / "new" / "library" / name).read_bytes() == b"sound"
