"""The networks of the bench in PyTorch and diffusers: training steps and sampling, on weights and inputs that Melstrom has written."""
import contextlib, pathlib
import torch
if not torch.cuda.is_available():
    torch.version.cuda = None  # torchaudio, which diffusers may import, refuses to load beside a build for another CUDA
import diffusers
import torch.nn.functional as F
from safetensors.torch import load_file

diffusers.utils.logging.set_verbosity_error()
VERSIONS = f"PyTorch {torch.__version__}, diffusers {diffusers.__version__}"


def device_of(job):
    return "cuda" if job.get("isOnGpu") else "cpu"


def prepare(job):
    torch.set_num_threads(job["threads"])
    # On a GPU float32 is float32 on both sides: PyTorch would shorten the factors of convolutions to ten bits by default.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    folder = pathlib.Path(job["folder"])
    inputs = load_file(folder / "inputs.safetensors", device=device_of(job)) if (folder / "inputs.safetensors").exists() else {}
    return folder, inputs


def load(kind, folder, device="cpu"):
    # Loading in parts would need the package accelerate.
    return kind.from_pretrained(folder, low_cpu_mem_usage=False).to(device)


def precision(job):
    return torch.autocast(device_of(job), dtype=torch.bfloat16) if job["precision"] == "bfloat16" else contextlib.nullcontext()


def facts(*models):
    return {"parameters": sum(value.numel() for model in models for value in model.parameters()), "threads": torch.get_num_threads(), "versions": VERSIONS}


class Trainer:
    """Norm, clipping, AdamW and the moving average of the weights."""

    def __init__(self, model, settings):
        self.parameters, self.settings, self.done = list(model.parameters()), settings, 0
        self.optimiser = torch.optim.AdamW(self.parameters, lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]), weight_decay=settings["weightDecay"])
        self.average = [value.detach().clone() for value in self.parameters]

    def step(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings["gradientClip"])
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        decay = min(self.settings["emaDecay"], (1 + self.done) / (10 + self.done))
        torch._foreach_lerp_(self.average, [value.detach() for value in self.parameters], 1 - decay)
        self.done += 1


def unet_step(job):
    folder, x = prepare(job)
    model = load(diffusers.UNet2DModel, folder / "unet", device_of(job)).train()
    trainer = Trainer(model, job["settings"])
    labels = x["labels"].long() if "labels" in x else None

    def run():
        with precision(job):
            answer = model(x["sample"], x["timestep"], class_labels=labels).sample
        loss = F.mse_loss(answer.float(), x["target"])
        loss.backward()
        trainer.step()
        return loss.item()

    return run, facts(model)


class PatchDiscriminator(torch.nn.Module):
    """Isola et al. (2017), with group normalisation, in Melstrom's names."""

    def __init__(self, channels, layers):
        super().__init__()
        self.layers, width = torch.nn.ModuleList(), 1
        for layer in range(layers + 1):
            out = channels * 2 ** min(layer, 3)
            parts = {"conv": torch.nn.Conv2d(width, out, 4, 2 if layer < layers else 1, 1, bias=layer == 0)}
            if layer > 0:
                parts["norm"] = torch.nn.GroupNorm(out // 8, out, eps=1e-5)
            self.layers.append(torch.nn.ModuleDict(parts))
            width = out
        self.conv_out = torch.nn.Conv2d(width, 1, 4, 1, 1)

    def forward(self, image):
        for layer in self.layers:
            image = layer["conv"](image)
            image = F.leaky_relu(layer["norm"](image) if "norm" in layer else image, 0.2)
        return self.conv_out(image)


def weighted_mean(values, weights):
    return (values * weights).sum() / (weights.sum() * values.shape[1] * values.shape[2])


def spectrogram_loss(reconstruction, image, weights, settings):
    """Absolute error, and that of finite differences at several resolutions. Images [B, 1, M, N], weights [B, 1, 1, N]."""
    error = reconstruction - image
    l1, terms = weighted_mean(error.abs(), weights), []
    for scale in range(settings["gradientScales"] if settings["gradientWeight"] > 0 else 0):
        if scale > 0:
            error, weights = F.avg_pool2d(error, 2), F.avg_pool2d(weights, (1, 2))
        if min(error.shape[2:]) < 2:
            break
        terms.append(weighted_mean((error[:, :, 1:] - error[:, :, :-1]).abs(), weights))
        terms.append(weighted_mean((error[..., 1:] - error[..., :-1]).abs(), weights[..., :-1]))
    gradient = sum(terms) / len(terms) if terms else 0
    return settings["l1Weight"] * l1 + settings["gradientWeight"] * gradient


def frame_weights(fills, frames, padding):
    return torch.stack([(torch.arange(frames) < round(fill * frames)).float().clamp(min=max(padding, 1e-6)) for fill in fills.tolist()])[:, None, None]


def vae_step(job):
    folder, x = prepare(job)
    model = load(diffusers.AutoencoderKL, folder / "vae", device_of(job)).train()
    trainer, loss_settings, judge = Trainer(model, job["settings"]), job["loss"], None
    if job["discriminator"] is not None:
        judge = PatchDiscriminator(job["discriminator"]["channels"], job["discriminator"]["layers"]).to(device_of(job))
        own = {name.removeprefix("discriminator/"): value for name, value in x.items() if name.startswith("discriminator/")}
        judge.load_state_dict({name: value.permute(3, 2, 0, 1) if value.ndim == 4 else value for name, value in own.items()})
        judge_optimiser = torch.optim.AdamW(judge.parameters(), lr=job["discriminator"]["learningRate"], betas=(0.5, 0.9), weight_decay=job["settings"]["weightDecay"])
    last = model.decoder.conv_out.weight
    image, noise = x["image"], x["noise"]
    weights = frame_weights(x["fills"], image.shape[-1], loss_settings["paddingWeight"]).to(image.device)

    def run():
        with precision(job):
            posterior = model.encode(image).latent_dist
            made = model.decode(posterior.mean + posterior.std * noise).sample
        rebuilt = spectrogram_loss(made.float(), image, weights, loss_settings)
        result = loss = rebuilt + loss_settings["klWeightPerSummedElement"] * posterior.kl().float().mean()
        if judge is not None:
            judge.requires_grad_(False)
            with precision(job):
                generator = -judge(made).float().mean()
            sizes = [torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (rebuilt, generator)]
            result = loss + generator  # the adaptive weight jumps with the sign of what rounding cannot tell from 0
            loss = loss + torch.clamp(sizes[0] / (sizes[1] + 1e-4), max=1e4) * generator
            judge.requires_grad_(True)
        loss.backward()
        trainer.step()
        if judge is not None:
            with precision(job):
                real, fake = judge(image).float(), judge(made.detach()).float()
            (0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())).backward()
            judge_optimiser.step()
            judge_optimiser.zero_grad(set_to_none=True)
        return result.item()

    return run, facts(*filter(None, [model, judge]))


def open_sampler(folder, device="cpu"):
    """Everything that drawing needs, from a pipeline folder."""
    return {"unet": load(diffusers.UNet2DModel, folder / "unet", device).eval(), "vae": load(diffusers.AutoencoderKL, folder / "vae", device).eval(),
            "scheduler": diffusers.DDIMScheduler.from_pretrained(folder / "scheduler")}


@torch.inference_mode()
def draw(parts, latents, labels, steps, guidance):
    """DDIM with guidance, both branches in one batch; images [B, 1, M, N] in [-1, 1]."""
    unet, vae, scheduler = parts["unet"], parts["vae"], parts["scheduler"]
    scheduler.set_timesteps(steps)
    latents = latents * scheduler.init_noise_sigma
    both = torch.cat([labels, torch.full_like(labels, unet.config.num_class_embeds - 1)])
    for timestep in scheduler.timesteps:
        wanted, plain = unet(torch.cat([latents, latents]), timestep, class_labels=both).sample.chunk(2)
        latents = scheduler.step((plain + guidance * (wanted - plain)).float(), timestep, latents).prev_sample
    return vae.decode(latents / vae.config.scaling_factor).sample.float().clamp(-1, 1)


def sample(job):
    folder, x = prepare(job)
    parts = open_sampler(folder / "pipeline", device_of(job))

    def run():
        with precision(job):
            return draw(parts, x["noise"], x["labels"].long(), job["steps"], job["guidance"]).abs().mean().item()

    return run, facts(parts["unet"], parts["vae"])
