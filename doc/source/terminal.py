# SPDX-License-Identifier: Apache-2.0
"""The picture of a terminal in README.md, from a real run on an emulator.

``python doc/source/terminal.py`` makes ``static/terminal.svg`` anew. It needs
the extras ``cli``, ``obs``, ``emulator`` and ``pipeline``.
"""

from html import escape
import os
from pathlib import Path
import shlex
import subprocess
import sys
import tempfile

TARGET = Path(__file__).with_name('static') / 'terminal.svg'
COMMANDS = [
    "openstack ims image create --file disk.raw --bucket images"
    " --os-version 'Ubuntu 18.04 server 64bit' --wait"
    " -c name -c status -c min_disk golden",
    "openstack ims image list --private",
    "openstack ims pipeline plan platform.yaml",
]
MANIFEST = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  here: {cloud: emulator, bucket: images}
defaults:
  channels:
    prod: {version: promoted}
images:
  ubuntu-18:
    os_version: Ubuntu 18.04 server 64bit
    promoted: "20261120"
    versions:
      "20261120": {source: {file: disk.raw}}
"""

LINE = 18
MARGIN = 20
COLUMNS = 92
#: Of a monospaced font of 14 pixels.
CHARACTER = 8.5


def run() -> list[str]:
    """Run the commands and return what a terminal would show."""
    script = '\n'.join(
        f"echo {shlex.quote('$ ' + command)}\n{command}"
        for command in COMMANDS
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'platform.yaml').write_text(MANIFEST, 'utf-8')
        with Path(folder, 'disk.raw').open('wb') as disk:
            disk.truncate(16 * 1024 * 1024)
        shown = subprocess.run(  # noqa: S603
            [
                str(Path(sys.executable).with_name('ims-emulator')),
                *('exec', '--', 'bash', '-e', '-c', script),
            ],
            cwd=folder,
            env={
                **os.environ,
                'PATH': f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                'XDG_STATE_HOME': folder,
            },
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return shown.stdout.splitlines()


def folded(line: str) -> list[str]:
    """Fold a long command as one would type it."""
    if not line.startswith('$') or len(line) <= COLUMNS:
        return [line]
    cut = line.rindex(' --', 0, COLUMNS - 2)
    return [f'{line[:cut]} \\', f'    {line[cut + 1 :]}']


def picture(lines: list[str]) -> str:
    """Draw a terminal with these lines."""
    width = round(COLUMNS * CHARACTER) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN + LINE
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
        f'{height}" role="img" aria-label="A disk image becomes an image; '
        'a pipeline is planned">',
        '<style>text{font:14px ui-monospace,Menlo,Consolas,monospace;'
        'fill:#d6dde3;white-space:pre}.command{fill:#ffffff;font-weight:bold}'
        '</style>',
        f'<rect width="{width}" height="{height}" rx="8" fill="#1b2329"/>',
    ]
    command = False
    for number, line in enumerate(lines):
        command = line.startswith('$') or (command and line.startswith('    '))
        drawn.append(
            f'<text x="{MARGIN}" y="{MARGIN + LINE * (number + 1)}"'
            f' class="{"command" if command else "output"}"'
            f' xml:space="preserve">{escape(line)}</text>'
        )
    return '\n'.join([*drawn, '</svg>', ''])


if __name__ == '__main__':
    TARGET.write_text(
        picture([part for line in run() for part in folded(line)]), 'utf-8'
    )
