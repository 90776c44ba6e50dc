/** A moment in the proleptic Gregorian calendar. */
export interface CivilTime {
  year: number;
  /** 1–12. */
  month: number;
  /** 1–31. */
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const DAY_SECONDS = 86_400;
const ERA_YEARS = 400;
const ERA_DAYS = 146_097;
/** Days from 1 March of year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;

/** Seconds since the beginning of 1970; fields out of their range count on. */
export function secondsOf({ year, month, day, hour, minute, second }: CivilTime): number {
  // Years that begin on 1 March, so that a leap day is the last one.
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / ERA_YEARS);
  const yearOfEra = y - era * ERA_YEARS;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const days = era * ERA_DAYS + yearOfEra * 365 + leapDays + dayOfYear - EPOCH_DAYS;
  return days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
}

/** The inverse of {@link secondsOf}. */
export function civilTime(seconds: number): CivilTime {
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - days * DAY_SECONDS;
  const era = Math.floor((days + EPOCH_DAYS) / ERA_DAYS);
  const dayOfEra = days + EPOCH_DAYS - era * ERA_DAYS;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const before = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const march = Math.floor((5 * (dayOfEra - before) + 2) / 153);
  const day = dayOfEra - before - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  const year = era * ERA_YEARS + yearOfEra + (month <= 2 ? 1 : 0);
  const hour = Math.floor(rest / 3600);
  return { year, month, day, hour, minute: Math.floor(rest / 60) % 60, second: rest % 60 };
}

/** 1 = Sunday … 7 = Saturday. */
export function weekday(seconds: number): number {
  return ((Math.floor(seconds / DAY_SECONDS) + 4) % 7) + 1;
}
