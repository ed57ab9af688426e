"""Inverts mel power spectrograms with librosa and torchaudio at their own defaults but for the iterations. Called by compare.mjs.

librosa: feature.inverse.mel_to_audio (non-negative least squares, Griffin-Lim with momentum 0.99).
torchaudio: InverseMelScale (least squares, cut at 0), GriffinLim with momentum 0.99.
"""
import json
import os
import sys
import time

import librosa
import numpy as np
import torch

# Only Python code of torchaudio is used here, so that another CUDA version than torch's, or none, is no obstacle.
try:
    import torchaudio
except RuntimeError as error:
    torch.version.cuda = str(error).rsplit("TorchAudio has CUDA version ", 1)[1].split(". ")[0]
    import torchaudio

folder = sys.argv[1]


def with_librosa(mel, t):
    return librosa.feature.inverse.mel_to_audio(
        mel, sr=t["sampleRateHz"], n_fft=t["fftSize"], hop_length=t["hopSamples"], win_length=t["windowSamples"], window="hann", center=True,
        pad_mode="reflect", power=2.0, n_iter=t["iterations"], length=t["sampleCount"], fmin=t["minHz"], fmax=t["maxHz"],
        htk=t["melScale"] == "htk", norm=None if t["melNorm"] == "none" else "slaney",
    )


def with_torchaudio(mel, t):
    inverse = torchaudio.transforms.InverseMelScale(
        n_stft=t["fftSize"] // 2 + 1, n_mels=t["melBins"], sample_rate=t["sampleRateHz"], f_min=t["minHz"], f_max=t["maxHz"],
        norm=None if t["melNorm"] == "none" else "slaney", mel_scale=t["melScale"], driver="gelsd",
    )
    to_sound = torchaudio.transforms.GriffinLim(
        n_fft=t["fftSize"], n_iter=t["iterations"], win_length=t["windowSamples"], hop_length=t["hopSamples"], power=2.0, length=t["sampleCount"],
    )
    return to_sound(inverse(torch.from_numpy(mel))).numpy()


torch.manual_seed(0)
np.random.seed(0)
done = []
with open(os.path.join(folder, "tasks.json")) as file:
    tasks = json.load(file)
for name, invert in (("librosa", with_librosa), ("torchaudio", with_torchaudio)):
    for index, task in enumerate(tasks):
        mel = np.fromfile(os.path.join(folder, f"{index}.mel"), dtype="<f4").reshape(task["frameCount"], task["melBins"]).T.copy()
        if index == 0:
            invert(mel, task)  # fills caches
        started, cpu = time.perf_counter(), time.process_time()
        sound = invert(mel, task)
        took = {"milliseconds": 1000 * (time.perf_counter() - started), "cpuMilliseconds": 1000 * (time.process_time() - cpu)}
        out = f"{name}-{index}.f32"
        np.asarray(sound, dtype="<f4").tofile(os.path.join(folder, out))
        done.append({"name": name, "file": out, **took})
print(json.dumps(done))
