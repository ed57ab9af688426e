"""The reference's side of the live check: makes random models, and runs models that were made here. See live-check.ts.

    python reference.py make FOLDER    # every FOLDER/<n>/theirs: a model, its inputs' outputs and gradients
    python reference.py run FOLDER     # every FOLDER/<n>/ours: outputs of a model that was saved by Melstrom, and what loading it said
"""
import contextlib, io, json, logging, pathlib, sys
import diffusers, torch, transformers
from safetensors.torch import load_file, save_file

MODELS = {"AutoencoderKL": diffusers.AutoencoderKL, "UNet2DModel": diffusers.UNet2DModel, "UNet2DConditionModel": diffusers.UNet2DConditionModel,
          "CLIPTextModel": transformers.CLIPTextModel}


def create(kind, config):
    if kind == "CLIPTextModel":
        return transformers.CLIPTextModel(transformers.CLIPTextConfig(**config))
    return MODELS[kind](**config)


def randomise(model):
    """Every parameter away from its first value, at a size that keeps activations moderate."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn_like(value)
            if "embedding" in name and value.ndim == 2 and "linear" not in name:
                value.copy_(noise)
            elif value.ndim > 1:
                value.copy_(noise / value[0].numel() ** 0.5)
            elif name.endswith("weight"):
                value.copy_(1 + 0.3 * noise)
            else:
                value.copy_(0.1 * noise)
    return model


def outputs(kind, model, x):
    if kind == "AutoencoderKL":
        posterior = model.encode(x["image"]).latent_dist
        return {"mean": posterior.mean, "logVariance": posterior.logvar, "image": model.decode(posterior.mean + posterior.std * x["noise"]).sample}
    if kind == "CLIPTextModel":
        result = model(x["ids"].long())
        return {"states": result.last_hidden_state, "pooled": result.pooler_output}
    labels = x.get("labels")
    if labels is not None and labels.ndim == 1:
        labels = labels.long()
    states = [x["states"]] if "states" in x else []
    added = {"added_cond_kwargs": {"text_embeds": x["textEmbeds"], "time_ids": x["timeIds"]}} if "timeIds" in x else {}
    return {"sample": model(x["sample"], x["timestep"], *states, class_labels=labels, **added).sample}


def save(path, tensors):
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, path)


def make(folder):
    job = json.loads((folder / "job.json").read_text())
    torch.manual_seed(job["seed"])
    for number, item in enumerate(job["configurations"]):
        here = folder / str(number) / "theirs"
        model = randomise(create(item["kind"], item["config"]))
        model.save_pretrained(here / "model")
        x = load_file(here / "inputs.safetensors")
        y = outputs(item["kind"], model, x)
        save(here / "outputs.safetensors", y)
        sum((value * value).mean() for value in y.values()).backward()
        save(here / "gradients.safetensors", {name: value.grad for name, value in model.named_parameters() if value.grad is not None})
        print(number + 1, flush=True)


def load(kind, folder):
    # Loading in parts would need the package accelerate, and diffusers warns where it is absent.
    options = {} if kind == "CLIPTextModel" else {"low_cpu_mem_usage": False}
    return MODELS[kind].from_pretrained(folder, output_loading_info=True, **options)


def run(folder):
    job = json.loads((folder / "job.json").read_text())
    for number, item in enumerate(job["configurations"]):
        here = folder / str(number) / "ours"
        said = io.StringIO()
        handler = logging.StreamHandler(said)
        for library in (diffusers, transformers):
            library.utils.logging.set_verbosity_warning()
            library.utils.logging.add_handler(handler)
        with contextlib.redirect_stdout(said):
            model, info = load(item["kind"], here / "model")
        for library in (diffusers, transformers):
            library.utils.logging.remove_handler(handler)
        problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
        with torch.no_grad():
            save(here / "reference.safetensors", outputs(item["kind"], model.eval(), load_file(here / "inputs.safetensors")))
        (here / "loading.json").write_text(json.dumps({"problems": problems, "said": said.getvalue().strip()}))
        print(number + 1, flush=True)


if __name__ == "__main__":
    {"make": make, "run": run}[sys.argv[1]](pathlib.Path(sys.argv[2]))
