/** `tickLog.maxBytes` of the product `MARKETFLOW` is `MARKETFLOW_TICK_LOG_MAX_BYTES`. */
export function environmentName(prefix: string, key: string): string {
  const words = key.replaceAll('.', '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `${prefix}_${words.toUpperCase()}`;
}
