/** Who holds the phone: a few invented people, and whoever else. */

/** A person, by the digits of their phone number. */
export interface Person {
  readonly number: string;
  readonly name: string;
}

/** The first two are the customers of the lab's sample orders; the first hears of theirs by WhatsApp. */
export const PEOPLE: readonly Person[] = [
  { number: "919800000043", name: "Ravi Mehta" },
  { number: "919800000042", name: "Asha Rao" },
  { number: "919800000002", name: "Meera Shah" },
  { number: "919800000003", name: "Kabir Das" },
];

const NUMBER = /^[0-9]{8,15}$/;

/** Return the digits of a phone number as people write it, "" if it is none. */
export function digits(written: string): string {
  const kept = written.replace(/[+\s().-]/g, "");
  return NUMBER.test(kept) ? kept : "";
}

/** Return whom a number is of; one that nobody here has is of a stranger. */
export function personOf(number: string): Person {
  return PEOPLE.find((person) => person.number === number) ?? { number, name: "Customer" };
}
