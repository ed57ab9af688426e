// What the command line says about itself, and how it answers to words it does not know.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { EXIT_STATUS } from '../../src/base/errors.js';
import { refusal, runCommand, runJson } from './run-command.js';

const commands = createProgram().commands.map((command) => ({
  name: command.name(),
  flags: command.options.map(({ long }) => long ?? ''),
  /** As many words as the command has required arguments. */
  words: command.registeredArguments.filter(({ required }) => required).map(({ argChoices }) => argChoices?.[0] ?? 'x'),
}));

describe('help', () => {
  it.each(commands)('of $name names every flag, the global ones too', async ({ name, flags }) => {
    const { status, stdout, stderr } = await runCommand(name, '--help');
    expect([status, stderr]).toEqual([0, '']);
    for (const flag of [...flags, '--json', '--quiet']) expect(stdout).toContain(`${flag} `);
    expect(stdout).not.toContain('undefined');
  });

  it('lists every command, and so does the README', async () => {
    const { status, stdout } = await runCommand('--help');
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(status).toBe(0);
    for (const { name } of commands) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
      expect(readme).toMatch(new RegExp(`\`${name}[ \`]`));
    }
  });

  it('comes instead of silence without a command, as an error', async () => {
    const { status, stdout, stderr } = await runCommand();
    expect([status, stdout, stderr]).toEqual([EXIT_STATUS.usage, '', expect.stringContaining('Usage: melstrom')]);
  });

  it('tells the version', async () => {
    expect((await runCommand('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('words that are not known', () => {
  it.each(commands.filter(({ flags }) => flags.length > 0))('$name names the nearest flag', async ({ name, flags, words }) => {
    const wrong = `${flags[0].slice(0, -1)}z`;
    const { status, stderr } = await refusal(name, ...words, wrong);
    expect(status).toBe(EXIT_STATUS.usage);
    expect(stderr).toContain(`unknown option '${wrong}'`);
    expect(stderr).toMatch(/Did you mean (one of )?--/);
  });

  it('name the nearest command', async () => {
    const { status, stderr } = await refusal('genrate', 'x');
    expect([status, stderr]).toEqual([EXIT_STATUS.usage, expect.stringContaining('(Did you mean generate?)')]);
  });

  it.each(commands.filter(({ words }) => words.length > 0))('$name wants its arguments', async ({ name }) => {
    expect((await refusal(name)).stderr).toMatch(/missing required argument|required option/);
  });
});

describe('--json', () => {
  it('of doctor is its report, whole', async () => {
    const { value } = await runJson('doctor');
    expect(value).toMatchObject({ node: process.versions.node, errors: [], engine: { name: expect.any(String) as string } });
  });
});
