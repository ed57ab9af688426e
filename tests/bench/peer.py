"""The peers of `npm run bench`: the same jobs in Python. Told what to do by a job file, then line by line:

    python peer.py JOB.json

It prints {"first": …}, what the first run came to, then {"ready": true}. Each line "run" on standard input is answered with the
milliseconds of one run: the mean of as many as fill the job's turn. The end of the input ends the process.
"""
import json, os, sys, time


LONG_RUN_SECONDS = 5  # a run of this length is timed from the second on, a shorter one from the third; src/cli/bench/worker.ts has the same


def serve(job, run, facts):
    def answer(value):
        print(json.dumps(value), flush=True)

    began = time.perf_counter()
    answer({"first": {**facts, "value": run()}})
    # What only the first runs pay for is not counted, on either side; in a long run it is lost among the rest.
    if time.perf_counter() - began < LONG_RUN_SECONDS:
        run()
    answer({"ready": True})
    for line in sys.stdin:
        if line.strip() != "run":
            answer({"error": f"got {line.strip()!r}, expected run"})
            continue
        began, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - began < job["turnMilliseconds"] / 1000:
            run()
            count += 1
        answer({"milliseconds": 1000 * (time.perf_counter() - began) / count})


def create(job):
    if job["job"] in ("unet-step", "vae-step", "sample"):
        import networks
        return getattr(networks, job["job"].replace("-", "_"))(job)
    import signals
    return getattr(signals, job["job"].replace("-", "_"))(job)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    # Before any library counts the processors for itself.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = str(wanted["threads"])
    os.environ["HF_HUB_OFFLINE"] = "1"  # a folder that is not there is an error, not a name to look up
    serve(wanted, *create(wanted))
