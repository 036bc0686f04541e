/**
 * When something is to be done, in the five fields of crontab(5): minute, hour, day of month, month, day of week (0 and 7 are Sunday).
 * A field is `*` or a list of numbers and ranges, each with an optional step: `0 3 * * 6`, `0/15 8-18 * * 1-5`. Where both days are
 * restricted either will do. Times are UTC.
 */
import { EterneError } from '@eterne/base';

const FIELDS = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12 },
  { name: 'day of week', from: 0, to: 7 },
] as const;
const PART = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The 29th of February may be eight years away. */
const LONGEST_DAYS = 9 * 366;

export interface Schedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** Undefined: any. */
  readonly daysOfMonth: ReadonlySet<number> | undefined;
  readonly daysOfWeek: ReadonlySet<number> | undefined;
}

export function parseSchedule(text: string): Schedule {
  const words = text.trim().split(/\s+/);
  if (words.length !== FIELDS.length)
    throw new EterneError('config', `a schedule has five fields: ${JSON.stringify(text)}`, {
      hint: '`0 3 * * 6` is Saturdays at 3:00 UTC',
    });
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, index) =>
    parseField(words[index] ?? '', field),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  if (weekdays.delete(7)) weekdays.add(0);
  return {
    minutes,
    hours,
    months,
    daysOfMonth: words[2] === '*' ? undefined : days,
    daysOfWeek: words[4] === '*' ? undefined : weekdays,
  };
}

/** The first such minute after `wallMs` (milliseconds since the epoch); undefined when there is none (30 February). */
export function nextTime(schedule: Schedule, wallMs: number): number | undefined {
  const earliest = (Math.floor(wallMs / MINUTE_MS) + 1) * MINUTE_MS;
  const firstDay = Math.floor(earliest / DAY_MS);
  for (let day = firstDay; day < firstDay + LONGEST_DAYS; day += 1) {
    if (!matchesDay(schedule, day)) continue;
    const from = day === firstDay ? (earliest - day * DAY_MS) / MINUTE_MS : 0;
    for (let minute = from; minute < DAY_MS / MINUTE_MS; minute += 1)
      if (schedule.hours.has(Math.floor(minute / 60)) && schedule.minutes.has(minute % 60))
        return day * DAY_MS + minute * MINUTE_MS;
  }
  return undefined;
}

function parseField(text: string, { from, name, to }: (typeof FIELDS)[number]): Set<number> {
  const wrong = new EterneError('config', `${name}: ${JSON.stringify(text)} is not within ${from}–${to}`);
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = PART.exec(part);
    if (match === null) throw wrong;
    const first = match[1] === undefined ? from : Number(match[1]);
    const only = match[1] === undefined || match[3] !== undefined ? to : first;
    const last = match[2] === undefined ? only : Number(match[2]);
    const step = Number(match[3] ?? 1);
    if (first < from || last > to || first > last || step === 0) throw wrong;
    for (let value = first; value <= last; value += step) values.add(value);
  }
  return values;
}

function matchesDay({ daysOfMonth, daysOfWeek, months }: Schedule, day: number): boolean {
  const { dayOfMonth, month } = dateOf(day);
  if (!months.has(month)) return false;
  // 1 January 1970 was a Thursday.
  const isWeekday = daysOfWeek?.has((day + 4) % 7);
  const isDay = daysOfMonth?.has(dayOfMonth);
  return isWeekday === undefined || isDay === undefined ? (isWeekday ?? isDay ?? true) : isWeekday || isDay;
}

/** Days since 1 January 1970 as a date of the Gregorian calendar (years count from March, eras of 400 years: Howard Hinnant's algorithm). */
function dateOf(day: number): { readonly dayOfMonth: number; readonly month: number } {
  const dayOfEra = (day + 719_468) % 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  return {
    dayOfMonth: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    month: monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9,
  };
}
