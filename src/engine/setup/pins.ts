// What the set-up fetches, pinned by version and digest. Knows nothing of how it is fetched.

/** The two builds of the TensorFlow library: for processors, and for NVIDIA GPUs. */
export type NativeBuild = 'tensorflow' | 'tensorflow-cuda';

/** A wheel of the Python package index. */
export interface WheelPin {
  readonly project: string;
  readonly version: string;
  readonly sha256: string;
  /** Size of the file in bytes, for the progress display. */
  readonly bytes: number;
}

export const TENSORFLOW_VERSION = '2.21.0';

/** The tags under which pip finds the wheels, whatever Python is installed: only the libraries inside are used. */
export const WHEEL_TAGS = {
  pythonVersion: '3.11',
  platforms: ['manylinux_2_27_x86_64', 'manylinux2014_x86_64', 'manylinux2010_x86_64'],
} as const;

/** The wheel that carries TensorFlow's libraries and headers. */
export const TENSORFLOW_WHEELS: Readonly<Record<NativeBuild, WheelPin>> = {
  tensorflow: {
    project: 'tensorflow-cpu',
    version: TENSORFLOW_VERSION,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
  },
  'tensorflow-cuda': {
    project: 'tensorflow',
    version: TENSORFLOW_VERSION,
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    bytes: 572_440_367,
  },
};

/** The npm package whose JavaScript and binding sources drive the library. */
export const BINDING_PACKAGE = {
  name: '@tensorflow/tfjs-node-gpu',
  version: '4.22.0',
  integrity: 'sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==',
} as const;

/** The Node-API version that the binding is compiled for: the newest that Node 20 has and the binding knows. */
export const NODE_API_VERSION = 8;
