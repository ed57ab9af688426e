import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { integer, interval, number, requireReadableFolder, requireWritableFolder, shellQuoted } from '../../src/cli/arguments.js';

describe('flag values', () => {
  it.each(['1.5', 'x', '-1', '1e99', ''])('integer refuses %j', (text) => {
    expect(() => integer(0)(text)).toThrow(/expected an integer of at least 0/);
  });

  it.each(['x', '', '-0.1', 'Infinity', '1.1'])('number refuses %j', (text) => {
    expect(() => number(0, 1)(text)).toThrow(/expected a number from 0 to 1/);
  });

  it.each(['0.3', '0.9,0.3', '0.3,0.3', '0.1,0.2,0.3', '-0.1,1', '0,1.1', 'a,b', ',1', ''])('interval refuses %j', (text) => {
    expect(() => interval(text)).toThrow(/expected two numbers from 0 to 1, the lower one first/);
  });

  it('numbers are read as they are', () => {
    expect([integer(1)('12'), number(0)('2.5'), number(0, 1)('1'), interval('0,0.97')]).toEqual([12, 2.5, 1, [0, 0.97]]);
  });
});

describe('shellQuoted', () => {
  it.each(['runs/demo', 'mein 🎹 Lauf', "cloche d'été", '$HOME `x` "y" \\', ''])('a shell reads %j back', (path) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellQuoted(path)}`], { encoding: 'utf8' })).toBe(path);
  });
});

describe('folders', () => {
  it('that are none are named with the flag', () => {
    const file = new URL(import.meta.url).pathname;
    expect(() => requireReadableFolder('<run>', file)).toThrow(/<run>: got '.*arguments\.test\.ts', which is no folder/);
    expect(() => requireWritableFolder('--out', `${file}/below/it`)).toThrow(/--out: got '.*below the file/);
  });
});
