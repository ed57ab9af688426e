// Fetches what the native engine is built from: TensorFlow's wheels through pip, the binding's package through npm. Each is verified before use.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MelstromError } from '../../base/errors.js';
import type { Reporter } from '../../base/logger.js';
import { BINDING_INTEGRITY, BINDING_PACKAGE, BINDING_VERSION, CPU_WHEEL_SHA256, fetchedBindingFolder, TENSORFLOW_VERSION, type NativeEngine } from './locations.node.js';
import { findProgram, lastLines, runProgram } from './run-program.node.js';

/** Unpacks the members that are needed and no others; prints one line per 50 MB. */
const UNPACK_SCRIPT = `
import sys, zipfile, os, shutil
wheel, target = sys.argv[1], sys.argv[2]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        name = member.filename
        is_library = name in ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
        is_nvidia = name.startswith("nvidia/") and "/lib/" in name and ".so" in name
        if name.startswith("tensorflow/include/") and not name.endswith("/"):
            path = os.path.join(target, "include", name[len("tensorflow/include/"):])
        elif is_library:
            path = os.path.join(target, "lib", os.path.basename(name))
        elif is_nvidia:
            path = os.path.join(target, name)
        else:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(member) as source, open(path, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        if member.file_size > 50_000_000:
            print("unpacked " + os.path.basename(name), flush=True)
`;

/** Finds a Python 3 that has pip. @throws MelstromError kind 'engine' when there is none. */
export async function findPython(): Promise<string> {
  const python = await findProgram(['python3', 'python'], ['-m', 'pip', '--version']);
  if (python !== null) return python;
  throw new MelstromError({
    kind: 'engine', where: 'set-up', got: 'no Python 3 with pip', expected: 'python3 -m pip to work',
    fix: 'Install it (Debian and Ubuntu: apt-get install python3-pip) and run melstrom setup again.',
  });
}

/**
 * Downloads TensorFlow's wheel (and NVIDIA's for the CUDA build) and unpacks libraries and headers into `target`.
 *
 * @throws MelstromError kind 'engine' when pip fails or a checksum differs.
 */
export async function fetchTensorflow(engine: NativeEngine, target: string, reporter: Reporter): Promise<void> {
  const python = await findPython();
  const downloads = join(target, 'downloads');
  await mkdir(downloads, { recursive: true });
  const isCuda = engine === 'tensorflow-cuda';
  const wanted = isCuda ? `tensorflow[and-cuda]==${TENSORFLOW_VERSION}` : `tensorflow-cpu==${TENSORFLOW_VERSION}`;
  reporter.log.info(`set-up: downloading ${wanted} (${isCuda ? 'several GB' : '274 MB'})`);
  const result = await runProgram(python, [
    '-m', 'pip', 'download', '--disable-pip-version-check', '--progress-bar', 'off', '--only-binary=:all:', '--python-version', '3.11',
    '--platform', 'manylinux_2_27_x86_64', '--platform', 'manylinux_2_17_x86_64', '--platform', 'manylinux2014_x86_64', '--platform', 'any',
    ...(isCuda ? [] : ['--no-deps']), '--dest', downloads, wanted,
  ], { onLine: (line) => (/^(Downloading|Collecting)/.test(line) ? reporter.log.info(`set-up: ${line}`) : undefined) });
  if (result.status !== 0) {
    throw new MelstromError({ kind: 'engine', where: 'set-up', got: `pip could not download ${wanted} (${lastLines(result.output)})`, fix: 'Check the network or the package index that pip uses, then run melstrom setup again.' });
  }
  const wheels = (await readdir(downloads)).filter((name) => isCuda ? /^(tensorflow|nvidia)[-_].*\.whl$/.test(name) : name.endsWith('.whl'));
  for (const wheel of wheels) {
    const path = join(downloads, wheel);
    if (!isCuda) await verifyWheel(path);
    reporter.log.info(`set-up: unpacking ${wheel}`);
    const unpacked = await runProgram(python, ['-c', UNPACK_SCRIPT, path, join(target, 'deps')]);
    if (unpacked.status !== 0) {
      throw new MelstromError({ kind: 'engine', where: wheel, got: `could not be unpacked (${lastLines(unpacked.output)})`, fix: 'Check that about 2 GB of disk are free, then run melstrom setup again.' });
    }
  }
  await rm(downloads, { recursive: true, force: true });
}

async function verifyWheel(path: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const got = hash.digest('hex');
  if (got !== CPU_WHEEL_SHA256) {
    throw new MelstromError({ kind: 'engine', where: path, got: `sha256 ${got}`, expected: CPU_WHEEL_SHA256, fix: 'The download was damaged or replaced: run melstrom setup again.' });
  }
}

/**
 * Fetches the binding's package without running its install script and unpacks it into the cache.
 *
 * @throws MelstromError kind 'engine' when npm fails or the integrity differs.
 */
export async function fetchBindingPackage(reporter: Reporter): Promise<string> {
  const target = fetchedBindingFolder();
  const temporary = `${target}.${process.pid}.part`;
  await mkdir(temporary, { recursive: true });
  try {
    reporter.log.info(`set-up: fetching ${BINDING_PACKAGE} ${BINDING_VERSION}`);
    const packed = await runProgram('npm', ['pack', `${BINDING_PACKAGE}@${BINDING_VERSION}`, '--ignore-scripts', '--pack-destination', temporary], { cwd: temporary });
    const tarball = (await readdir(temporary)).find((name) => name.endsWith('.tgz'));
    if (packed.status !== 0 || tarball === undefined) {
      throw new MelstromError({ kind: 'engine', where: 'set-up', got: `npm could not fetch ${BINDING_PACKAGE} (${lastLines(packed.output)})`, fix: 'Check the network or the registry that npm uses.' });
    }
    const bytes = await readFile(join(temporary, tarball));
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (integrity !== BINDING_INTEGRITY) {
      throw new MelstromError({ kind: 'engine', where: tarball, got: `integrity ${integrity}`, expected: BINDING_INTEGRITY, fix: 'The download was damaged or replaced: run melstrom setup again.' });
    }
    const unpacked = await runProgram('tar', ['-xzf', tarball], { cwd: temporary });
    if (unpacked.status !== 0) throw new MelstromError({ kind: 'engine', where: tarball, got: `could not be unpacked (${lastLines(unpacked.output)})` });
    await rm(target, { recursive: true, force: true });
    await rename(join(temporary, 'package'), target);
    return target;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
