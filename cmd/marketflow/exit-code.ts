import { hideSecrets } from '../../pkg/config/secrets.ts';

/** What a process says when it ends; the numbers are those of sysexits.h. */
export const EXIT_CODE = {
  /** A clean stop. */
  ok: 0,
  /** Wrong flags. */
  usage: 64,
  /** A port or the data folder is taken or can't be written, or a needed server refuses. */
  unavailable: 69,
  /** A fault of the program itself. */
  internal: 70,
  /** Wrong configuration, or data of a newer format. */
  config: 78,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** Why the process cannot start. Its message is one line for the person at the terminal, without secrets. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A line for stderr: `marketflow: …`, whatever line breaks and secrets the message has. */
export function errorLine(message: string): string {
  return `marketflow: ${hideSecrets(message.replace(/\s*[\r\n]+\s*/g, ' ').trim())}\n`;
}
