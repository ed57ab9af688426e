"""The reference's side of the measurement at full size. See full-size.ts.

    python full_size.py make FOLDER                    # FOLDER/unet and FOLDER/vae: Stable Diffusion 1.5's, random weights, and inputs
    python full_size.py run FOLDER unet|vae THREADS N  # N evaluations after one that is not counted; figures as JSON, FOLDER/<part>-theirs.safetensors

Weights are mapped from the file and never copied, which needs less memory than from_pretrained.
"""
import json, pathlib, resource, sys, time
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file

LEVELS = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
CLASSES = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
CONFIGS = {
    "unet": dict(sample_size=64, cross_attention_dim=768),  # all else is the class's default
    "vae": dict(block_out_channels=(128, 256, 512, 512), down_block_types=LEVELS[0], up_block_types=LEVELS[1], layers_per_block=2, sample_size=512),
}


def make(folder):
    torch.manual_seed(15)
    for part, config in CONFIGS.items():
        CLASSES[part](**config).save_pretrained(folder / part, max_shard_size="20GB")
        print(part, flush=True)
    save_file({"sample": torch.randn(1, 4, 64, 64), "states": torch.randn(1, 77, 768)}, folder / "inputs.safetensors")


def measured(work):
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return result, {"seconds": seconds, "cpuSeconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def load(folder):
    with torch.device("meta"):
        model = CLASSES[folder.name].from_config(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"), assign=True)
    return model.eval()


def run(folder, part, threads, count):
    torch.set_num_threads(threads)
    model, loading = measured(lambda: load(folder / part))
    x = load_file(folder / "inputs.safetensors")
    ask = {"unet": lambda: model(x["sample"], 500, x["states"]).sample, "vae": lambda: model.decode(x["sample"]).sample}[part]
    with torch.no_grad():
        ask()
        runs = [measured(ask) for _ in range(count)]
    save_file({"answer": runs[-1][0].contiguous()}, folder / f"{part}-theirs.safetensors")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    print(json.dumps({"threads": torch.get_num_threads(), "loading": loading, "runs": [figures for _, figures in runs], "peakBytes": peak}))


if __name__ == "__main__":
    verb, folder, *rest = sys.argv[1:]
    make(pathlib.Path(folder)) if verb == "make" else run(pathlib.Path(folder), rest[0], int(rest[1]), int(rest[2]))
