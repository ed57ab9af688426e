// Programs of the system: their output, their absence, and the one line of their complaint that matters.
import { describe, expect, it } from 'vitest';
import { complaintOf, runProgram } from '../../src/engine/setup/run-program.node.js';

describe('runProgram', () => {
  it('keeps both outputs and the status, and passes lines on', async () => {
    const lines: string[] = [];
    const script = 'console.log("a"); console.log("b"); console.error("c"); process.exitCode = 3';
    const result = await runProgram(process.execPath, ['-e', script], { onLine: (line) => lines.push(line) });
    expect(result).toEqual({ status: 3, stdout: 'a\nb\n', stderr: 'c\n' });
    expect(lines).toEqual(['a', 'b']);
  });

  it('gives a missing program status 127', async () => {
    expect((await runProgram('no-such-program-here', [])).status).toBe(127);
  });
});

describe('complaintOf', () => {
  const complain = (stderr: string): string => complaintOf({ status: 1, stdout: '', stderr });

  it('prefers the cause over what follows from it', () => {
    expect(complain('WARNING: Retrying: Connection refused\nERROR: No matching distribution found')).toContain('Connection refused');
    expect(complain('one\nsome error: bad\nlast')).toBe('some error: bad');
    expect(complain('one\nlast')).toBe('last');
    expect(complain('')).toBe('exit status 1');
  });

  it('is never longer than a paragraph', () => {
    expect(complain('x'.repeat(5000)).length).toBeLessThan(310);
  });
});
