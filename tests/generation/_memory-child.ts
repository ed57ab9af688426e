// Draws one clip of so many seconds into a folder and prints the largest resident memory of the process. Arguments: folder, seconds, and how: whole, streamed, streamed with an upscaler, or streamed before a given sound.
import { createGriffinLimVocoder } from '../../src/vocoder/griffin-lim-vocoder.js';
import { startEngine } from '../../src/engine/start.node.js';
import { generateClips, streamClips, streamExtensions, type GenerateRequest } from '../../src/generation/index.js';
import { writeStreams } from '../../src/generation/write-stream.node.js';
import { writeGenerated } from '../../src/generation/write.node.js';
import { SMALL_MEL, smallPipeline } from '../pipeline/small-pipeline.js';
import { progressivePipeline } from '../pipeline/small-upscaler.js';

const [folder, seconds, how] = process.argv.slice(2);
await startEngine('auto');
// A collector that chooses its own time lets a busy machine hold tens of MB more; here it is to hold what is in use.
const collecting = setInterval(() => (globalThis as { gc?: () => void }).gc?.(), 20);
const pipeline = how === 'upscaled' ? progressivePipeline() : smallPipeline();
const request: GenerateRequest = { seeds: [1], labels: [0], seconds: Number(seconds), steps: 2, sampler: 'dpmpp2m', guidance: 1, vocoder: createGriffinLimVocoder(SMALL_MEL, { iterations: 1 }) };
const sound = { sampleRateHz: SMALL_MEL.sampleRateHz, channels: [Float32Array.from({ length: 4000 }, (_, at) => 0.3 * Math.sin(at / 4))] };
const name = `${how}-${seconds}`;
const streams = how === 'streamed' || how === 'upscaled' ? streamClips(pipeline, request) : how === 'before' ? streamExtensions(pipeline, { ...request, seconds: Number(seconds), sound, isBefore: true })! : null;
const written = streams === null ? writeGenerated(folder, [name], generateClips(pipeline, request)) : writeStreams(folder, [name], streams);
for await (const { wav } of written) process.stderr.write(`${wav}\n`);
clearInterval(collecting);
process.stdout.write(String(process.resourceUsage().maxRSS * 1024)); // kilobytes on Linux
