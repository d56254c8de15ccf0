/** A payload that is no frame of ours: never the host's crash, always counted and said once. */
export class FrameError extends Error {}
