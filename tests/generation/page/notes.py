"""Renders the corpus of configs/notes.yaml: chords that go on, held into one another, by six instruments.

    apt-get download fluidr3mono-gm-soundfont && dpkg-deb -x fluidr3mono-gm-soundfont_*.deb font   (19 MB, MIT)
    python3 notes.py font/usr/share/sounds/sf3/FluidR3Mono_GM.sf3 corpora/notes                    (needs the program fluidsynth)

One folder per instrument, eight takes of a minute each at 22.05 kHz. Everything is chosen by a fixed seed, so the corpus is the same each time.
"""
import random
import struct
import subprocess
import sys
from pathlib import Path

PROGRAMS = {"organ": 19, "strings": 48, "choir": 52, "accordion": 21, "pad": 89, "flute": 73}
CHORDS = [(0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11)]
TICKS_PER_SECOND = 960  # 480 a beat, 120 beats a minute
SECONDS = 60
TAKES = 8


def variable_length(value: int) -> bytes:
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append((value & 0x7F) | 0x80)
    return bytes(reversed(parts))


def midi(program: int, choose: random.Random) -> bytes:
    """A standard MIDI file: a chord every one to three seconds, each held a little into the next."""
    events = [(0, bytes([0xC0, program]))]
    at = 0
    while at < SECONDS * TICKS_PER_SECOND:
        length = choose.randint(1, 3) * TICKS_PER_SECOND
        root = 55 + choose.choice([0, 5, 7, 12])
        notes = [root + step for step in choose.choice(CHORDS)]
        for note in notes if program != 73 else notes[:1]:  # a flute plays one note at a time
            events.append((at, bytes([0x90, note, choose.randint(70, 110)])))
            events.append((at + length + 60, bytes([0x80, note, 0])))
        at += length
    track, now = b"", 0
    for tick, event in sorted(events, key=lambda one: one[0]):
        track += variable_length(tick - now) + event
        now = tick
    track += b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


def main(font: str, folder: str) -> None:
    for name, program in PROGRAMS.items():
        target = Path(folder, name)
        target.mkdir(parents=True, exist_ok=True)
        for take in range(TAKES):
            score = target / f"take-{take + 1}.mid"
            score.write_bytes(midi(program, random.Random(f"{name} {take}")))
            sound = score.with_suffix(".wav")
            subprocess.run(["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-r", "22050", "-F", str(sound), font, str(score)], check=True)
            score.unlink()


main(*sys.argv[1:3])
