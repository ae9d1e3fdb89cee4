/** What stands in place of a secret. */
export const HIDDEN = '(hidden)';

/** Keys whose whole value is a secret: a URL may hold a password, the others are one. */
export function isSecretKey(key: string): boolean {
  return /(url|password|secret|token)$/i.test(key);
}

/**
 * A text that may be shown: `user:password@` of every URL, secrets in its query and bearer tokens are hidden.
 * Rather too much than too little: everything from `://` to the last `@` of the word goes.
 */
export function hideSecrets(text: string): string {
  let shown = text;
  if (shown.includes('://')) {
    shown = shown.replace(/(:\/\/)[^\s"'<>]*@/g, `$1${HIDDEN}@`);
    shown = shown.replace(/([?&][\w-]*(?:password|secret|token|apikey|api_key)=)[^&\s"'#\\]+/gi, `$1${HIDDEN}`);
  }
  return shown.replace(/\b(bearer\s+)[\w.~+/=-]{8,}/gi, `$1${HIDDEN}`);
}
