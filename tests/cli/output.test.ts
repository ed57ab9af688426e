import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { publishReport, refuseExisting, requireReportFolder, requireWritableFile } from '../../src/cli/output.js';

const root = mkdtempSync(join(tmpdir(), 'melstrom-output-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folderWith(name: string, file: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, file), name);
  return folder;
}

describe('report folders', () => {
  it('replace an earlier report', async () => {
    const old = folderWith('old', 'figures.json');
    await publishReport(folderWith('new', 'index.html'), old);
    expect([existsSync(join(old, 'index.html')), existsSync(join(old, 'figures.json'))]).toEqual([true, false]);
  });

  it('never remove files of the user', async () => {
    const own = folderWith('own', 'holiday.wav');
    await expect(publishReport(folderWith('other', 'index.html'), own)).rejects.toThrow(/holiday\.wav/);
    expect(existsSync(join(own, 'holiday.wav'))).toBe(true);
  });

  it('are refused where no folder can be made', () => {
    writeFileSync(join(root, 'plain'), '');
    expect(() => requireReportFolder(join(root, 'plain', 'report'))).toThrow(/below the file/);
    expect(() => requireReportFolder(join(root, 'fresh', 'report'))).not.toThrow();
  });

  it('are refused where something exists, unless forced', () => {
    expect(() => refuseExisting(root, false)).toThrow(/--force/);
    expect(() => refuseExisting(root, true)).not.toThrow();
  });
});

describe('a file to be written', () => {
  it('needs a folder, a name and leave to overwrite', () => {
    const folder = folderWith('files é', 'there.wav');
    const wanted = (name: string, force = false) => () => requireWritableFile('--out', join(folder, name), force);
    expect(wanted('new 🎵.wav')).not.toThrow();
    expect(wanted('there.wav')).toThrow(/--force/);
    expect(wanted('there.wav', true)).not.toThrow();
    expect(wanted('nowhere/new.wav')).toThrow(/--out: got '.*nowhere', which is no folder/);
    expect(wanted('.', true)).toThrow(/which is a folder, expected the name of a file/);
    expect(existsSync(join(folder, 'new 🎵.wav'))).toBe(false);
  });
});
