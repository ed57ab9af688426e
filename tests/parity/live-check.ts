// The live check, `npm run parity`: fresh random models of diffusers and transformers, theirs loaded here and ours loaded there. Not part of
// `npm test`: it needs Python with PyTorch. MELSTROM_PYTHON names one that has it; MELSTROM_PARITY_SEED repeats an earlier run;
// MELSTROM_ENGINE=wasm runs our side on that engine, at the same tolerances.
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { createRandom, type Random } from '../../src/base/random.js';
import { disposeGradients, fromReference, memorySource, toReference, valueAndGradients, type HostTensor } from '../../src/nn/index.js';
import { publishedNames } from '../../src/pipeline/text-folder.node.js';
import { startTestEngine } from '../support/engine.js';
import { drawConfigurations, type Configuration, type InputPlan, type ModelKind } from './configurations.js';
import { gradientError, isWithin, outputError, parityTable, type ParityRow } from './errors.js';
import { parityPython, readTensors, runPython, say, writeTensors } from './exchange.js';
import { createLiveNetwork, weightsName, type LiveNetwork, type Tensors } from './networks.js';

const LEAST_CONFIGURATIONS = 12;

function chooseSeed(): number {
  const given = process.env.MELSTROM_PARITY_SEED ?? '';
  const seed = given === '' ? randomInt(2 ** 31) : Number(given);
  if (!Number.isSafeInteger(seed) || seed < 0 || seed >= 2 ** 31) throw new Error(`MELSTROM_PARITY_SEED: got '${given}', expected an integer in [0, 2147483647]. Use the one an earlier run printed.`);
  return seed;
}

function drawInputs(plans: Readonly<Record<string, InputPlan>>, random: Random): Tensors {
  return new Map(Object.entries(plans).map(([name, { shape, below, values }]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = values === undefined ? (below === undefined ? random.normals(count) : Float32Array.from({ length: count }, () => random.integer(below))) : Float32Array.from(values);
    return [name, { shape, data }];
  }));
}

/** Names as they are here: transformers may leave out a prefix. */
function namesHere(kind: ModelKind, tensors: Tensors): Tensors {
  if (kind !== 'CLIPTextModel') return tensors;
  const source = publishedNames(memorySource(tensors, kind));
  return new Map([...source.entries].map(([name, { shape }]) => [name, { shape, data: source.read(name) }]));
}

function hostOutputs(network: LiveNetwork, inputs: Tensors): Tensors {
  const host = new Map<string, HostTensor>();
  tf.tidy(() => {
    for (const [name, x] of Object.entries(network.outputs(inputs))) host.set(name, { shape: x.shape, data: x.dataSync<'float32'>().slice() });
  });
  return host;
}

/** Gradients of the sum of the outputs' mean squares, which reference.py takes too. */
function hostGradients(network: LiveNetwork, inputs: Tensors): Tensors {
  const { value, gradients } = valueAndGradients(network.parameters, () => tf.addN(Object.values(network.outputs(inputs)).map((x) => tf.mean(tf.square(x)))) as tf.Scalar);
  const host = toReference(network.parameters, gradients);
  const names = new Set(gradients.keys());
  value.dispose();
  disposeGradients(gradients);
  return new Map([...host].filter(([name]) => names.has(name)));
}

/** Their model here. */
function loadTheirs({ kind }: Configuration, folder: string): Omit<ParityRow, 'name' | 'oursOutput'> {
  const raw = JSON.parse(readFileSync(join(folder, 'model', 'config.json'), 'utf8')) as Record<string, unknown>;
  const network = createLiveNetwork(kind, raw, null);
  try {
    const weights = namesHere(kind, readTensors(join(folder, 'model', weightsName(kind))));
    fromReference(network.parameters, weights, folder);
    const inputs = readTensors(join(folder, 'inputs.safetensors'));
    const again = toReference(network.parameters);
    const changed = [...weights].filter(([name, { data }]) => !data.every((value, index) => again.get(name)?.data[index] === value)).map(([name]) => name);
    return {
      kind,
      parameterCount: [...weights.values()].reduce((sum, { data }) => sum + data.length, 0),
      theirsOutput: outputError(hostOutputs(network, inputs), readTensors(join(folder, 'outputs.safetensors'))),
      theirsGradient: gradientError(hostGradients(network, inputs), namesHere(kind, readTensors(join(folder, 'gradients.safetensors')))),
      problems: changed.length === 0 ? [] : [`weights that come out otherwise than they went in: ${changed.join(', ')}`],
    };
  } finally {
    network.dispose();
  }
}

/** Our model with first values of its own, saved for the reference. */
function saveOurs({ kind, config, inputs: plans }: Configuration, folder: string, seed: number): void {
  const network = createLiveNetwork(kind, kind === 'CLIPTextModel' ? config : { _class_name: kind, ...config }, seed);
  try {
    const inputs = drawInputs(plans, createRandom(seed, 'our inputs'));
    writeTensors(join(folder, 'model', weightsName(kind)), toReference(network.parameters));
    writeFileSync(join(folder, 'model', 'config.json'), network.configJson);
    writeTensors(join(folder, 'inputs.safetensors'), inputs);
    writeTensors(join(folder, 'outputs.safetensors'), hostOutputs(network, inputs));
  } finally {
    network.dispose();
  }
}

/** What the reference made of our model. */
function compareOurs(folder: string): { readonly oursOutput: number; readonly problems: readonly string[] } {
  const { problems, said } = JSON.parse(readFileSync(join(folder, 'loading.json'), 'utf8')) as { problems: Record<string, string[]>; said: string };
  const misfits = Object.entries(problems).map(([key, names]) => `ours there, ${key}: ${names.join(', ')}`);
  return {
    oursOutput: outputError(readTensors(join(folder, 'outputs.safetensors')), readTensors(join(folder, 'reference.safetensors'))),
    problems: said === '' ? misfits : [...misfits, `ours there, it said: ${said}`],
  };
}

it('agrees with the reference both ways', async () => {
  const seed = chooseSeed();
  const { command, versions, unpinned } = await parityPython();
  const engine = await startTestEngine();
  say(`seed ${seed}; engine ${engine.name}; Python ${versions}${unpinned.length === 0 ? '' : ` (not the pinned version: ${unpinned.join(', ')})`}`);
  const configurations = drawConfigurations(createRandom(seed, 'configurations'));
  const folder = mkdtempSync(join(tmpdir(), 'melstrom-parity-'));
  const at = (index: number, side: 'theirs' | 'ours'): string => join(folder, String(index), side);
  try {
    writeFileSync(join(folder, 'job.json'), JSON.stringify({ seed, configurations }));
    configurations.forEach(({ inputs }, index) => writeTensors(join(at(index, 'theirs'), 'inputs.safetensors'), drawInputs(inputs, createRandom(seed, 'their inputs', index))));
    say(`making ${configurations.length} models there …`);
    await runPython(command, 'reference.py', 'make', folder);
    say('running them here, and making as many here …');
    const theirs = configurations.map((configuration, index) => loadTheirs(configuration, at(index, 'theirs')));
    configurations.forEach((configuration, index) => saveOurs(configuration, at(index, 'ours'), seed + index));
    say('running ours there …');
    await runPython(command, 'reference.py', 'run', folder);
    const rows = configurations.map(({ name }, index): ParityRow => {
      const { oursOutput, problems } = compareOurs(at(index, 'ours'));
      return { ...theirs[index], name, oursOutput, problems: [...theirs[index].problems, ...problems] };
    });
    say(`\n${parityTable(rows)}\n`);
    expect(rows.length).toBeGreaterThanOrEqual(LEAST_CONFIGURATIONS);
    expect(rows.filter((row) => !isWithin(row)).map(({ kind, name }) => `${kind}: ${name}`), `repeat with MELSTROM_PARITY_SEED=${seed}`).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
