// Where this package lies on disk, and how modules are found from it.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json; the same from src/ and from dist/. */
export const packageRoot = dirname(fileURLToPath(new URL('../../../package.json', import.meta.url)));

/** Resolves modules as this package does. */
export const packageRequire = createRequire(import.meta.url);

/** The folder of an installed npm package, or null when it is not there. */
export function installedPackageFolder(name: string): string | null {
  try {
    return dirname(packageRequire.resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

/** The version in a package's folder, or null when it has no readable package.json. */
export function packageVersionIn(folder: string): string | null {
  try {
    return (packageRequire(`${folder}/package.json`) as { version: string }).version;
  } catch {
    return null;
  }
}
