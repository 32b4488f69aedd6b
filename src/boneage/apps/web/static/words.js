// Numbers and times as a person reads them. Ages are months throughout.

export const MINUS = "\u2212";
const DAYS_A_MONTH = 365.25 / 12;

/** Years and months: 138.5 is 11 y 7 mo (rounded to whole months). */
export function inYears(months) {
  const whole = Math.max(0, Math.round(months));
  return [Math.floor(whole / 12), whole % 12];
}

export function ageText(months) {
  if (months === null) return "Refused";
  const [years, rest] = inYears(months);
  return `${years}\u00a0y ${rest}\u00a0mo`;
}

export function spokenAge(months) {
  const [years, rest] = inYears(months);
  return `${years} years ${rest} months`;
}

/** Which of two hands in a picture an answer is of: "left part, right hand"; empty for a picture of one. */
export function whichHand(answer) {
  return answer?.part ? `${answer.part} part, ${answer.hand} hand` : "";
}

/** With its sign, a true minus, and no minus zero. */
export function signed(value, digits = 1) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}

/** A share of 1. */
export function percent(share) {
  return `${Math.round(100 * share)}\u00a0%`;
}

export function titled(text) {
  return text[0].toUpperCase() + text.slice(1);
}

/** Months between two dates as date inputs give them; null where there are not two, or the wrong way round. */
export function monthsBetween(born, taken) {
  const days = (Date.parse(taken) - Date.parse(born)) / 86_400_000;
  return Number.isFinite(days) && days >= 0 ? days / DAYS_A_MONTH : null;
}

export function today() {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
