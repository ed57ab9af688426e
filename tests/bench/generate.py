"""What `melstrom generate` does, as one would write it in Python: clips from a pipeline folder, start of the process included.

    python generate.py PIPELINE OUT COUNT STEPS GUIDANCE THREADS
"""
import json, os, pathlib, sys

folder, out, (count, steps, guidance, threads) = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:7]
os.environ["OMP_NUM_THREADS"] = threads

import networks, signals
import soundfile, torch

torch.set_num_threads(int(threads))
torch.manual_seed(0)
parts = networks.open_sampler(folder)
mel = json.loads((folder / "mel" / "mel_config.json").read_text())
config = parts["unet"].config
labels = torch.arange(int(count)) % (config.num_class_embeds - 1)
images = networks.draw(parts, torch.randn(int(count), config.in_channels, *config.sample_size), labels, int(steps), float(guidance)).numpy()
out.mkdir(parents=True, exist_ok=True)
for number, image in enumerate(images[:, 0]):
    soundfile.write(out / f"clip-{number:02}.wav", signals.invert_clip(image, mel, 32), mel["sampleRateHz"], subtype="PCM_16")
