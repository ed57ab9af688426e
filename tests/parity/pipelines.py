"""The reference's side of the check of whole pipelines: opens what was written here, keeps every warning, and answers. See pipelines-check.ts.

    python pipelines.py open FOLDER    # every FOLDER/<n>/model: answers to FOLDER/<n>/inputs.safetensors, and what opening it said
"""
import json, logging, pathlib, sys, warnings

warnings.simplefilter("ignore")  # of imports, which tell of packages that are absent, not of a folder
import diffusers, torch, transformers
from diffusers import AutoencoderKL, DDIMPipeline, LDMPipeline, StableDiffusionPipeline, UNet2DModel  # noqa: F401, imported now, while nothing is kept
from diffusers.pipelines.deprecated.latent_diffusion_uncond import pipeline_latent_diffusion_uncond as ldm_module
from diffusers.pipelines.ddim import pipeline_ddim as ddim_module
from safetensors.torch import load_file, save_file

messages = []


class Keeper(logging.Handler):
    def emit(self, record):
        messages.append(record.getMessage())


for library in (diffusers, transformers):
    library.utils.logging.disable_default_handler()
    library.utils.logging.disable_progress_bar()
    library.utils.logging.add_handler(Keeper(logging.WARNING))
    library.utils.logging.set_verbosity_warning()
warnings.simplefilter("always")
warnings.showwarning = lambda message, *_, **__: messages.append(str(message))
WHOLE = dict(low_cpu_mem_usage=False)  # in parts it would need the package accelerate, whose absence is warned of


def from_parts(folder):
    """LDMPipeline as its class allows an AutoencoderKL: put together, not opened, for opening compares types with those written down."""
    scheduler = getattr(diffusers, json.loads((folder / "scheduler" / "scheduler_config.json").read_text())["_class_name"])
    return LDMPipeline(
        vqvae=AutoencoderKL.from_pretrained(folder / "vqvae", **WHOLE), unet=UNet2DModel.from_pretrained(folder / "unet", **WHOLE),
        scheduler=scheduler.from_pretrained(folder / "scheduler"),
    )


def opened(case, folder):
    if case["className"] == LDMPipeline.__name__:
        return from_parts(folder)
    return diffusers.DiffusionPipeline.from_pretrained(folder, **WHOLE)


def answers(case, pipeline, x):
    pipeline.set_progress_bar_config(disable=True)
    labels = {"class_labels": x["labels"].long()} if "labels" in x else {}
    y, states = {}, []
    if case["prompts"]:
        negative = [case["negativePrompt"]] * len(case["prompts"])
        y["states"] = pipeline.encode_prompt(case["prompts"], "cpu", 1, False)[0]
        states = [y["states"]]
    y["unet"] = pipeline.unet(x["sample"], 7, *states, **labels).sample
    vae = getattr(pipeline, "vqvae", getattr(pipeline, "vae", None))
    if vae is not None:
        y["decoded"] = vae.decode(x["sample"] / vae.config.scaling_factor).sample
    if case["isDrawn"]:
        asked = dict(num_inference_steps=case["steps"], output_type="np")
        if case["prompts"]:
            image = pipeline(case["prompts"], negative_prompt=negative, guidance_scale=case["guidance"], latents=x["noise"], **asked).images
        else:
            ldm_module.randn_tensor = ddim_module.randn_tensor = lambda shape, **_: x["noise"].reshape(shape)
            image = pipeline(batch_size=2, **asked).images
        y["image"] = torch.tensor(image).permute(0, 3, 1, 2)
    return y


def main(folder):
    for number, case in enumerate(json.loads((folder / "job.json").read_text())):
        here = folder / str(number)
        messages.clear()
        pipeline = opened(case, here / "model")
        said = list(messages)
        with torch.no_grad():
            y = answers(case, pipeline, load_file(here / "inputs.safetensors"))
        save_file({name: value.detach().contiguous().clone() for name, value in y.items()}, here / "reference.safetensors")
        remarks = []
        if isinstance(pipeline, LDMPipeline):
            messages.clear()
            diffusers.DiffusionPipeline.from_pretrained(here / "model", **WHOLE)
            remarks = list(messages)
        (here / "said.json").write_text(json.dumps({"className": type(pipeline).__name__, "opening": said, "opening_whole": remarks}))


if __name__ == "__main__":
    assert sys.argv[1] == "open", __doc__
    main(pathlib.Path(sys.argv[2]))
