// The entry of `npm run demo`, `npm test`, `npm run parity`, `npm run bench` and `npm run melstrom`: does whatever set-up is missing, then the job.
// Plain JavaScript without dependencies, since it runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST_NODE = 20;
const SET_UP_STATUS = 7;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const inRoot = (...parts) => join(root, ...parts);
const main = inRoot('dist', 'cli', 'main.js');

const JOBS = {
  demo: (args) => runNode([main, 'demo', ...args]),
  test: (args) => runNode([inRoot('node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', inRoot('tests', 'vitest.config.ts'), ...args]),
  parity: (args) => runNode([inRoot('node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', inRoot('tests', 'parity', 'vitest.config.ts'), ...args]),
  bench: (args) => runNode([main, 'bench', ...args]),
  run: (args) => runNode([main, ...args]),
};
/** Commands of `run` that need no engine, or that set it up themselves. */
const WITHOUT_ENGINE = new Set(['setup', 'doctor', 'help', '--help', '-h', '--version', '-V']);

/** What set-up has to say is not the job's output, which may be JSON for another program. */
const TO_STDERR = ['inherit', process.stderr, 'inherit'];

process.exitCode = await start(process.argv[2], process.argv.slice(3));

async function start(job, args) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    return fail(`Melstrom needs Node ${OLDEST_NODE} or later, and this is ${process.versions.node}. Install a current one from nodejs.org.`);
  }
  if (!Object.hasOwn(JOBS, job ?? '')) return fail(`bootstrap: got '${job}', expected one of ${Object.keys(JOBS).join(', ')}.`);
  for (const step of [installPackages, buildSources]) {
    const problem = await step();
    if (problem !== null) return fail(problem);
  }
  if (job !== 'run' || (args.length > 0 && !WITHOUT_ENGINE.has(args[0]))) await setUpEngine();
  return JOBS[job](args);
}

/** Installs the locked packages when they are missing, or older than the lock. */
async function installPackages() {
  const stamp = inRoot('node_modules', '.melstrom-lock');
  const lock = readFileSync(inRoot('package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return null;
  return withLock('install', async () => {
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return null; // another process was faster
    say('installing the packages …');
    rmSync(stamp, { force: true });
    const status = await runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    if (status !== 0) {
      return `The packages could not be installed (npm ci ended with status ${status}; its message is above). Check the network and the registry of npm, then run the same command again.`;
    }
    writeFileSync(stamp, lock);
    return null;
  });
}

/** Compiles src/ to dist/ when a source is newer than the last build, or one has gone. */
async function buildSources() {
  const stamp = inRoot('node_modules', '.melstrom-build'); // not in dist, which is packed
  const wanted = sourceState();
  if (existsSync(main) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return null;
  return withLock('build', async () => {
    if (existsSync(main) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return null;
    say('building …');
    const fresh = inRoot('node_modules', `.melstrom-dist-${process.pid}`);
    try {
      const status = await runNode([inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-p', inRoot('tsconfig.json'), '--outDir', fresh]);
      if (status !== 0) return 'The sources do not compile; the errors are above. Correct them, or check out a released version.';
      rmSync(inRoot('dist'), { recursive: true, force: true });
      renameSync(fresh, inRoot('dist'));
      writeFileSync(stamp, wanted);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    return null;
  });
}

/** Names, sizes and times of all that goes into dist/. */
function sourceState() {
  const names = readdirSync(inRoot('src'), { recursive: true }).filter((name) => /\.(ts|mjs)$/.test(name)).sort();
  const paths = [inRoot('tsconfig.json'), inRoot('package-lock.json'), ...names.map((name) => inRoot('src', name))];
  return paths.map((path) => describeFile(path)).join('\n');
}

function describeFile(path) {
  const { size, mtimeMs } = statSync(path);
  return `${path.slice(root.length)} ${size} ${mtimeMs}`;
}

/** Gets the native engine, or says in one paragraph why not; the job then runs on the wasm engine. */
async function setUpEngine() {
  if (!['', 'auto', 'tensorflow'].includes(process.env.MELSTROM_ENGINE ?? '')) return;
  const [{ setUpEngine: setUp }, { createTerminalReporter }] = await Promise.all([
    importBuilt('engine/setup/set-up.node.js'),
    importBuilt('cli/terminal.js'),
  ]);
  // Standard output belongs to the job, which may print JSON.
  const { isReady, message } = await setUp({ engine: 'tensorflow', force: false, reporter: createTerminalReporter({ json: true }) });
  if (!isReady || !message.endsWith('with fused kernels.')) say(`\n${message}\n`);
}

function importBuilt(path) {
  return import(pathToFileURL(inRoot('dist', path)).href);
}

/** Runs `work` while no other bootstrap of this checkout does the same step; the lock of a dead process is taken over. */
async function withLock(step, work) {
  const checkout = createHash('sha256').update(root).digest('hex').slice(0, 12);
  const path = join(tmpdir(), `melstrom-${userInfo().username}-${checkout}-${step}.lock`); // npm ci empties node_modules
  for (let hasSaidSo = false; !acquire(path); hasSaidSo = true) {
    if (!hasSaidSo) say(`another process is busy with the same step (${step}); waiting for it …`);
    await new Promise((settle) => setTimeout(settle, 500));
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

function acquire(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    removeDeadLock(path);
    return false;
  }
}

function removeDeadLock(path) {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0);
  } catch (error) {
    if (error.code === 'ESRCH') rmSync(path, { force: true });
  }
}

function runNode(args) {
  return run(process.execPath, args);
}

/** npm as a program: the very one that called us, else the one on the PATH. */
function runNpm(args) {
  const caller = process.env.npm_execpath;
  return caller !== undefined && /npm-cli\.[cm]?js$/.test(caller) ? run(process.execPath, [caller, ...args], { stdio: TO_STDERR }) : run('npm', args, { stdio: TO_STDERR, shell: process.platform === 'win32' });
}

/** Runs a program on this terminal and resolves to its exit status. An interrupt is the program's to handle. */
function run(program, args, { stdio = 'inherit', shell = false } = {}) {
  return new Promise((settle) => {
    const child = spawn(program, args, { cwd: root, stdio, shell });
    const forward = () => child.kill('SIGTERM');
    process.on('SIGINT', stayAlive);
    process.on('SIGTERM', forward);
    const end = (status) => {
      process.off('SIGINT', stayAlive);
      process.off('SIGTERM', forward);
      settle(status);
    };
    child.on('error', (error) => {
      say(`${program}: ${error.message}`);
      end(127);
    });
    child.on('close', (status, signal) => end(status ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function stayAlive() {
  // The terminal has sent the interrupt to the program too; its exit status becomes ours.
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(problem) {
  say(`error: ${problem}`);
  return SET_UP_STATUS;
}
