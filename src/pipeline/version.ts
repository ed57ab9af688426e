// The version of Melstrom that is written into what it makes. A test holds it to package.json.
export const MELSTROM_VERSION = '0.1.0';
