"""The signal rows of the bench: mel analysis, mel to sound, and a corpus made ready, with librosa, torchaudio, soxr and soundfile on all cores."""
import concurrent.futures, os, pathlib, warnings
import numpy as np

warnings.filterwarnings("ignore")


def pool(job):
    """Processes that are started once: only the work is timed."""
    # One thread of the numeric libraries in each, or they would stand in each other's way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    return concurrent.futures.ProcessPoolExecutor(job["threads"])


def settings(mel):
    return dict(sr=mel["sampleRateHz"], n_fft=mel["fftSize"], hop_length=mel["hopSamples"], win_length=mel["windowSamples"], n_mels=mel["melBins"],
                fmin=mel["minHz"], fmax=mel["maxHz"], htk=mel["melScale"] == "htk", norm="slaney" if mel["melNorm"] == "slaney" else None)


def to_image(power, mel):
    """Decibels from floor to ceiling, linearly on [-1, 1]; 0 dB is a sine of full scale."""
    level = 10 * np.log10(np.maximum(power, 1e-20) * (2 / (0.5 * mel["windowSamples"])) ** 2)
    floor, ceiling = mel["floorDb"], mel["ceilingDb"]
    return np.clip(2 * (level - floor) / (ceiling - floor) - 1, -1, 1).astype(np.float32)


def analyse(sound, mel):
    import librosa
    return to_image(librosa.feature.melspectrogram(y=sound, pad_mode="reflect", **settings(mel)), mel)


def count_pieces(job):
    """About a minute each, so that all processes have work."""
    return max(2, round(job["seconds"] / 60))


def read_clip(folder, piece, pieces):
    """A piece of the sound that Melstrom has written, as raw float32; pieces are not sent between processes, only read."""
    sound = np.memmap(pathlib.Path(folder) / "sound.f32", dtype=np.float32, mode="r")
    return np.array(sound[piece * len(sound) // pieces:(piece + 1) * len(sound) // pieces])


def mel_of_piece(folder, piece, pieces, mel):
    clip = read_clip(folder, piece, pieces)
    return float(np.abs(analyse(clip, mel)).mean()), len(clip)


def weighted(parts):
    return float(sum(value * count for value, count in parts) / sum(count for _, count in parts))


def mel(job):
    if job["library"] == "torchaudio":
        return with_torchaudio(job)
    import librosa
    workers, pieces = pool(job), count_pieces(job)

    def run():
        return weighted(list(workers.map(mel_of_piece, [job["folder"]] * pieces, range(pieces), [pieces] * pieces, [job["mel"]] * pieces)))

    return run, {"parameters": None, "threads": job["threads"], "versions": f"librosa {librosa.__version__}, NumPy {np.__version__}, {job['threads']} processes"}


def with_torchaudio(job):
    import torch
    torch.version.cuda = None  # it refuses to load beside a build of PyTorch for another CUDA; everything here runs on the CPU
    import torchaudio
    torch.set_num_threads(job["threads"])
    mel, pieces = job["mel"], count_pieces(job)
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=mel["sampleRateHz"], n_fft=mel["fftSize"], win_length=mel["windowSamples"], hop_length=mel["hopSamples"], n_mels=mel["melBins"], f_min=mel["minHz"], f_max=mel["maxHz"],
        power=2.0, norm="slaney" if mel["melNorm"] == "slaney" else None, mel_scale=mel["melScale"])
    scale, floor, ceiling = (2 / (0.5 * mel["windowSamples"])) ** 2, mel["floorDb"], mel["ceilingDb"]

    @torch.inference_mode()
    def run():
        parts = []
        for piece in range(pieces):
            clip = read_clip(job["folder"], piece, pieces)
            level = 10 * torch.log10(torch.clamp(transform(torch.from_numpy(clip)) * scale, min=1e-20))
            parts.append((torch.clamp(2 * (level - floor) / (ceiling - floor) - 1, -1, 1).abs().mean().item(), len(clip)))
        return weighted(parts)

    return run, {"parameters": None, "threads": torch.get_num_threads(), "versions": f"torchaudio {torchaudio.__version__}, PyTorch {torch.__version__}"}


def invert_clip(image, mel, iterations):
    """Mel image to sound: non-negative least squares, then fast Griffin-Lim."""
    import librosa
    floor, ceiling = mel["floorDb"], mel["ceilingDb"]
    power = 10 ** ((floor + (image + 1) / 2 * (ceiling - floor)) / 10) / (2 / (0.5 * mel["windowSamples"])) ** 2
    chosen = settings(mel)
    rest = {name: chosen[name] for name in ("fmin", "fmax", "htk", "norm")}
    magnitude = librosa.feature.inverse.mel_to_stft(power, sr=chosen["sr"], n_fft=chosen["n_fft"], power=2.0, **rest)
    return librosa.griffinlim(magnitude, n_iter=iterations, hop_length=chosen["hop_length"], win_length=chosen["win_length"], n_fft=chosen["n_fft"],
                              momentum=0.99, init="random", random_state=0, pad_mode="reflect")


def invert(job):
    import librosa
    mel, clips = job["mel"], job["clips"]
    images = np.fromfile(pathlib.Path(job["folder"]) / "images.f32", dtype=np.float32).reshape(clips, mel["melBins"], -1)
    workers = pool(job)

    def run():
        sounds = list(workers.map(invert_clip, images, [mel] * clips, [job["iterations"]] * clips))
        return float(np.mean([np.sqrt(np.mean(sound.astype(np.float64) ** 2)) for sound in sounds]))

    return run, {"parameters": None, "threads": job["threads"], "versions": f"librosa {librosa.__version__}, NumPy {np.__version__}, {job['threads']} processes"}


def prepare_file(path, mel):
    """One compressed file to slices of mel image, as Melstrom's cache holds them."""
    import soundfile, soxr
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    image = analyse(soxr.resample(sound.mean(axis=1), rate, mel["sampleRateHz"]), mel)
    frames = mel["frames"]
    count = -(-image.shape[1] // frames)
    padded = np.pad(image, ((0, 0), (0, count * frames - image.shape[1])), constant_values=-1)
    slices = padded.reshape(mel["melBins"], count, frames).transpose(1, 0, 2)
    return np.round((slices + 1) / 2 * 65535).astype(np.uint16)


def prepare(job):
    import librosa, soundfile, soxr
    mel, sounds = job["mel"], sorted(str(path) for path in pathlib.Path(job["sounds"]).rglob("*") if path.suffix in (".flac", ".ogg", ".mp3"))
    workers, target = pool(job), pathlib.Path(job["folder"]) / "peer-cache.npy"

    def run():
        count = 0
        with open(target, "wb") as file:
            for slices in workers.map(prepare_file, sounds, [mel] * len(sounds)):
                slices.tofile(file)
                count += len(slices)
        return count

    return run, {"parameters": None, "threads": job["threads"], "versions": f"soundfile {soundfile.__version__}, soxr {soxr.__version__}, librosa {librosa.__version__}, {job['threads']} processes"}


def make_sounds(job):
    """Compressed files of every kind for both sides: tones, noise and silence, each file its own."""
    import soundfile
    folder, rate, seconds = pathlib.Path(job["sounds"]), 44100, job["seconds"]

    def run():
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(job["files"]):
            noise = np.random.default_rng(number)
            time = np.arange(int(seconds * rate)) / rate
            left = 0.3 * np.sin(2 * np.pi * (110 + 37 * number) * time) * (1 + np.sin(2 * np.pi * 0.7 * time)) / 2 + 0.05 * noise.standard_normal(len(time))
            stereo = np.stack([left, 0.8 * left], axis=1).astype(np.float32)
            soundfile.write(folder / f"sound-{number:03}.{('flac', 'ogg', 'mp3')[number % 3]}", stereo, rate)
        return float(job["files"])

    return run, {"parameters": None, "threads": 1, "versions": f"soundfile {soundfile.__version__}"}
