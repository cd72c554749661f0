"""What the tests of images share: a store, the command, archives and layouts made by hand."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from claims import SHARDRUN, expect  # noqa: E402

IS_ROOT = os.geteuid() == 0
# Sanitizers want files of their own and look about in /proc.
IS_SANITIZED = os.environ.get("SANITIZED") == "true"
SEED = int(os.environ.get("SEED", "1"))


def wait_for_importer(parent: int) -> int:
    """The importer that the command has started, once it is in its sandbox."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            try:
                if "Seccomp:\t2" in Path(f"/proc/{child}/status").read_text():
                    return int(child)
            except FileNotFoundError:
                continue
    raise TimeoutError("no importer comes")


class World:
    """A folder with a store in it, gone in the end."""

    def __enter__(self) -> "World":
        # Where a process without rights has no business: what it reads must be handed to it.
        self.folder = Path(tempfile.mkdtemp(prefix="shardrun-image-test-"))
        self.store = self.folder / "store"
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, *words: object, data: bytes | None = None) -> subprocess.CompletedProcess:
        command = [SHARDRUN, *map(str, words[:2]), "--store", str(self.store), *map(str, words[2:])]
        return subprocess.run(command, input=data if data is not None else b"", capture_output=True, timeout=120,
                              check=False)

    def ok(self, *words: object, data: bytes | None = None) -> bytes:
        done = self.call(*words, data=data)
        expect(done.returncode == 0, done)
        return done.stdout

    def json(self, *words: object):
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: object, sentence: str, data: bytes | None = None) -> str:
        """The command must fail with one sentence that has these words in it."""
        done = self.call(*words, data=data)
        text = done.stderr.decode(errors="replace")
        expect(done.returncode == 1 and sentence in text and text.count("\n") == 1, (sentence, done))
        return text

    def entries(self, name: str) -> dict[str, dict]:
        return {entry["path"]: entry for entry in self.json("image", "inspect", name, "--entries")["entries"]}

    def edges(self, name: str) -> set[tuple[str, str, str]]:
        return {(edge["from"], edge["reason"], edge["to"])
                for edge in self.json("image", "inspect", name, "--prior")["edges"]}

    def exported(self, name: str) -> tarfile.TarFile:
        return tarfile.open(fileobj=io.BytesIO(self.ok("image", "export", name)), errors="surrogateescape")

    def contents(self, name: str) -> dict[str, bytes]:
        with self.exported(name) as archive:
            return {member.name: archive.extractfile(member).read() for member in archive if member.isreg()}

    def blob_path(self, digest: str) -> Path:
        return self.store / "blobs/sha256" / digest[:2] / digest


def member(name: str, data: bytes | None = None, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    if data is not None:
        info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def folder(name: str, **fields: object) -> tuple[tarfile.TarInfo, None]:
    return member(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def link(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes | None], layout: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout, errors="surrogateescape") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


class Layout:
    """An OCI image layout, put together by hand as skopeo and umoci write it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        self.manifests: list[dict] = []

    def blob(self, data: bytes, media_type: str, **more: object) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    def document(self, value: object, media_type: str, **more: object) -> dict:
        return self.blob(json.dumps(value).encode(), f"application/vnd.oci.image.{media_type}+json", **more)

    def image(self, layers: list[bytes], config: dict | None = None, compress: str = "gzip", **more: object) -> dict:
        packed = []
        for layer in layers:
            if compress == "gzip":
                packed.append(self.blob(gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip"))
            elif compress == "zstd":
                data = subprocess.run(["zstd", "-q"], input=layer, capture_output=True, check=True).stdout
                packed.append(self.blob(data, "application/vnd.oci.image.layer.v1.tar+zstd"))
            else:
                packed.append(self.blob(layer, "application/vnd.oci.image.layer.v1.tar"))
        settings = self.document({"architecture": "amd64", "os": "linux", "config": config or {}}, "config.v1")
        return self.document({"schemaVersion": 2, "config": settings, "layers": packed}, "manifest.v1", **more)

    def index(self, manifests: list[dict]) -> dict:
        return {"schemaVersion": 2, "manifests": manifests}

    def finish(self, *manifests: dict) -> "Layout":
        self.files["index.json"] = json.dumps(self.index(list(manifests))).encode()
        return self

    def write(self, where: Path) -> Path:
        for name, data in self.files.items():
            path = where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return where

    def as_tar(self) -> bytes:
        return tar(*[member(name, data) for name, data in sorted(self.files.items())])


def layout_of(*layers: bytes, **more: object) -> Layout:
    layout = Layout()
    return layout.finish(layout.image(list(layers), **more))
