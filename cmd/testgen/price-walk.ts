import { type Draw, hash32, seededDraw } from './seeded-random.ts';

interface Level {
  readonly price: number;
  /** The tick size is 10^-priceDecimals. */
  readonly priceDecimals: number;
}

const KNOWN_LEVELS: ReadonlyMap<string, Level> = new Map([
  ['BTCUSDT', { price: 67_000, priceDecimals: 1 }],
  ['ETHUSDT', { price: 3_400, priceDecimals: 2 }],
  ['SOLUSDT', { price: 150, priceDecimals: 2 }],
  ['DOGEUSDT', { price: 0.12, priceDecimals: 5 }],
  ['TONUSDT', { price: 5.2, priceDecimals: 4 }],
]);

/** Largest step of the market per tick, as a share of the level. */
const STEP_SHARE = 0.0003;
/** Pull back to the level per tick; with the step it keeps the price within a few per cent. */
const PULL_SHARE = 0.0001;
/** The market never leaves level ± this share, so a price is always positive. */
const RANGE_SHARE = 0.2;
/** An exchange's constant distance from the market, and its noise per tick: at most these shares of the level. */
const EXCHANGE_OFFSET_SHARE = 0.0005;
const EXCHANGE_NOISE_SHARE = 0.0002;
/** Largest price × quantity of a tick, in quote units. */
const MAX_NOTIONAL = 2_000;

/**
 * The price of one symbol at one exchange, as whole units of 10^-priceDecimals. The market's walk depends on
 * (seed, symbol), an exchange only adds a little of its own: exchanges that run side by side stay close.
 */
export class PriceWalk {
  readonly priceDecimals: number;
  readonly quantityDecimals: number;

  readonly #drawMarket: Draw;
  readonly #drawExchange: Draw;
  readonly #drawQuantity: Draw;
  readonly #levelUnits: number;
  readonly #offsetUnits: number;
  readonly #maxQuantityUnits: number;
  #marketUnits: number;

  constructor(symbol: string, exchange: string, seed: number) {
    const level = KNOWN_LEVELS.get(symbol) ?? levelOfName(symbol);
    this.priceDecimals = level.priceDecimals;
    this.quantityDecimals = Math.min(8, Math.max(0, Math.floor(Math.log10(level.price)) + 1));
    this.#drawMarket = seededDraw(`${seed}/market/${symbol}`);
    this.#drawExchange = seededDraw(`${seed}/price/${exchange}/${symbol}`);
    this.#drawQuantity = seededDraw(`${seed}/quantity/${exchange}/${symbol}`);
    this.#levelUnits = Math.round(level.price * 10 ** level.priceDecimals);
    this.#offsetUnits = (this.#drawExchange() * 2 - 1) * EXCHANGE_OFFSET_SHARE * this.#levelUnits;
    this.#maxQuantityUnits = (MAX_NOTIONAL / level.price) * 10 ** this.quantityDecimals;
    this.#marketUnits = this.#levelUnits;
  }

  /** The next price, in units; > 0. */
  nextPriceUnits(): number {
    const level = this.#levelUnits;
    const step = (this.#drawMarket() * 2 - 1) * STEP_SHARE * level + (level - this.#marketUnits) * PULL_SHARE;
    const range = level * RANGE_SHARE;
    this.#marketUnits = Math.min(level + range, Math.max(level - range, this.#marketUnits + step));
    const noise = (this.#drawExchange() * 2 - 1) * EXCHANGE_NOISE_SHARE * level;
    return Math.max(1, Math.round(this.#marketUnits + this.#offsetUnits + noise));
  }

  /** The next quantity, in units of 10^-quantityDecimals; ≥ 1. A sequence of its own: prices do not depend on it. */
  nextQuantityUnits(): number {
    return 1 + Math.floor(this.#drawQuantity() * this.#maxQuantityUnits);
  }
}

/** 0.01 … 10,000 by the name's hash, with six significant digits. */
function levelOfName(symbol: string): Level {
  const exponent = (hash32(symbol) / 4_294_967_296) * 6 - 2;
  return { price: 10 ** exponent, priceDecimals: 5 - Math.floor(exponent) };
}
