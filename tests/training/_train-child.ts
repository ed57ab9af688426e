// A process that trains a tiny autoencoder and saves at every step, until it is killed. Arguments: run folder, engine.
import { startEngine, type WantedEngine } from '../../src/engine/start.node.js';
import { trainRun } from '../../src/training/train.node.js';
import { KILL_TEST_CONFIG, tinyConfig, tinyCorpus } from './_tiny-run.js';

const [runFolder, engine] = process.argv.slice(2);
await startEngine(engine as WantedEngine);
const config = tinyConfig(KILL_TEST_CONFIG);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
await trainRun({
  config, corpus: tinyCorpus(config), runFolder, stage: 'vae', resume: true,
  reporter: { log: { info: say, warn: (text) => say(`warning: ${text}`) }, startProgress: () => ({ update: (done) => say(`step ${done}`), end: () => undefined }) },
});
