"""Visits that never happened, and what several invented clinics would write of them: data to try behaviours on.

    visit = next(visits(random.Random(1)))
    dialogue(visit)      "Site: Harbour\\nNurse: Blood pressure 142 over 88, …\\nPatient: My head has been pounding …"
    soap_note(visit)     the note as expectations/behaviours/soap-note.toml wants it
    as_written(visit)    the note as that clinic writes it: four of the eight have habits that break a rule

Everything is made from the lists below by a seed: no patient, no clinician, nothing copied. The codes are real ones, and so
are the codes that some clinics have not given up (they have since been split, or are of ICD-9-CM). A person who knows
medicine will find the notes thin; what they are for is form.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SITES = ("northfield", "riverside", "elmwood", "station", "hillcrest", "harbour", "quayside", "orchard")


@dataclass(frozen=True)
class Condition:
    title: str
    code: str
    former: str  # what the code was, or is without the part that must be given now
    complaints: tuple[str, ...]
    finding: str
    plan: tuple[str, ...]


@dataclass(frozen=True)
class Visit:
    site: str
    condition: Condition
    complaint: str
    since: str
    change: str
    history: str
    vitals: tuple[int, int, int, float, int]  # systolic, diastolic, pulse, temperature in C, saturation
    plan: tuple[str, ...]
    review: str
    manner: int  # which way of putting things: dialogues of one condition are not all alike
    heard: str = ""  # a dialogue from elsewhere, instead of an invented one
    said: str = ""  # and what was written of it


def _c(title, code, former, complaints, finding, plan) -> Condition:
    return Condition(title, code, former, tuple(complaints.split("; ")), finding, tuple(plan.split("; ")))


CONDITIONS = (
    _c("Migraine without aura", "G43.009", "346.10", "pounding pain on one side of my head; a headache with sickness, light hurts; my head throbs and I must lie down", "Neurological examination normal", "Sumatriptan 50 mg at onset; Headache diary; Regular meals and sleep; Avoid known triggers"),
    _c("Low back pain", "M54.50", "M54.5", "an ache low in my back; my lower back is stiff and sore; my back hurts when I bend", "Lumbar muscles tender, reflexes equal", "Stay active; Paracetamol 1 g as needed; Physiotherapy; Heat at night"),
    _c("Acute cough", "R05.1", "R05", "a dry cough that will not stop; coughing all night; a tickly cough since my cold", "Chest clear on auscultation", "Fluids; Honey at night; No antibiotic for now; Stop smoking"),
    _c("Type 2 diabetes mellitus", "E11.9", "250.00", "my sugar has been high at home; I am thirsty and pass a lot of water; my glucose readings went up", "Feet: pulses and sensation present", "Metformin 500 mg twice a day; HbA1c in three months; Dietitian; Eye screening"),
    _c("Essential hypertension", "I10", "401.9", "the pressure at home was high again; my readings are over one sixty; the pharmacy found my pressure high", "Heart sounds normal, no oedema", "Amlodipine 5 mg daily; Less salt; Readings at home; Renal function"),
    _c("Mild intermittent asthma", "J45.20", "493.90", "wheezing after running; a tight chest when it is cold; I whistle when I breathe out", "Scattered wheeze, speaks in sentences", "Salbutamol inhaler as needed; Check inhaler technique; Peak flow diary; Avoid smoke"),
    _c("Urinary tract infection", "N39.0", "599.0", "it burns when I pass water; I must go every half hour; stinging and cloudy urine", "Abdomen soft, no loin tenderness", "Nitrofurantoin 100 mg for five days; Urine culture; Fluids; Paracetamol as needed"),
    _c("Reflux disease", "K21.9", "530.81", "burning behind my breastbone after meals; sour liquid comes up at night; heartburn most evenings", "Epigastrium mildly tender", "Omeprazole 20 mg before breakfast; Smaller meals; Raise the head of the bed; Less coffee"),
    _c("Acute bronchitis", "J20.9", "466.0", "a chesty cough with yellow phlegm; my chest is full and I cough; phlegm since last week", "Coarse sounds that clear on coughing", "Fluids; Paracetamol as needed; No antibiotic for now; Rest"),
    _c("Otitis media, right ear", "H66.91", "H66.9", "my right ear hurts and pops; earache on the right; my right ear is full and sore", "Right drum red and bulging", "Amoxicillin 500 mg three times a day; Paracetamol as needed; Keep the ear dry; Hearing check"),
    _c("Plantar fasciitis", "M72.2", "728.71", "my heel hurts with the first steps; pain under my heel; the sole of my foot is sore in the morning", "Tender at the inner heel", "Stretching twice a day; Insoles; Ice after walking; Physiotherapy"),
    _c("Shingles", "B02.9", "053.9", "a band of blisters on my side; a burning rash round my ribs; painful spots in a stripe", "Vesicles in one dermatome", "Aciclovir 800 mg five times a day; Paracetamol as needed; Cover the rash; Keep away from newborns"),
    _c("Iron deficiency anaemia", "D50.9", "280.9", "I am tired and look pale; out of breath on the stairs; I have no strength these days", "Conjunctivae pale", "Ferrous sulfate 200 mg daily; Look for the source; Blood count in a month; Vitamin C with tablets"),
    _c("Hypothyroidism", "E03.9", "244.9", "always cold and slow; I gained weight and feel sluggish; my skin is dry and I am tired", "Thyroid not enlarged, reflexes slow", "Levothyroxine 50 micrograms daily; TSH in six weeks; Take before breakfast; Lipids"),
    _c("Gout", "M10.9", "274.9", "my big toe is red and hot; I cannot bear the sheet on my toe; my toe swelled overnight", "First toe joint red, hot and swollen", "Naproxen 500 mg twice a day; Rest the foot; Uric acid later; Less beer"),
    _c("Cellulitis of right leg", "L03.115", "L03.11", "my right shin is red and warm; the redness on my right leg spreads; a hot sore patch on my right leg", "Warm erythema of the right shin", "Flucloxacillin 500 mg four times a day; Mark the edge; Raise the leg; Paracetamol as needed"),
    _c("Atrial fibrillation", "I48.91", "I48.9", "my heart races and skips; fluttering in my chest; an uneven heartbeat", "Pulse irregular", "Apixaban 5 mg twice a day; ECG; Bisoprolol 2.5 mg daily; Echocardiogram"),
    _c("Pneumonia", "J18.9", "486", "a fever and a cough with brown phlegm; it stabs when I breathe in; shivering and short of breath", "Crackles at the right base", "Amoxicillin 500 mg three times a day; Chest film; Fluids; Paracetamol as needed"),
    _c("Depression", "F32.A", "311", "I have no joy in anything; low and tearful most days; I wake at four and brood", "No thoughts of self-harm, good contact", "Talking therapy; Sertraline 50 mg daily; Activity every day; Crisis numbers given"),
    _c("Anxiety disorder", "F41.9", "300.00", "I worry all the time; sudden panic on the bus; on edge and cannot sleep", "Restless, otherwise normal", "Talking therapy; Breathing exercises; Less coffee; Sertraline 50 mg daily"),
    _c("Osteoarthritis of right knee", "M17.11", "M17.1", "my right knee grinds on stairs; my right knee is stiff in the morning; an aching right knee", "Right knee crepitus, no effusion", "Exercise for the thigh; Topical diclofenac; Weight loss; Walking stick"),
    _c("Kidney stone", "N20.0", "592.0", "waves of pain from my side to the groin; a colic in my flank; pain that makes me pace", "Left loin tender", "Diclofenac 50 mg as needed; Strain urine; CT of the kidneys; Fluids"),
    _c("Conjunctivitis", "H10.9", "372.30", "my eyes are red and sticky; gritty eyes that water; my eyelids stuck together this morning", "Conjunctivae red, vision normal", "Clean the lids; Chloramphenicol drops; Own towel; No contact lenses"),
    _c("Allergic rhinitis", "J30.9", "477.9", "I sneeze all morning; a runny itchy nose; a blocked nose since the grass is out", "Nasal lining pale and swollen", "Cetirizine 10 mg daily; Nasal steroid; Rinse with saline; Avoid pollen"),
)  # fmt: skip
_SINCE = ("two days", "three days", "a week", "ten days", "two weeks", "a month", "three months", "five days")
_CHANGES = ("getting worse", "about the same", "a little better", "comes and goes", "worse at night", "worse at work")
_HISTORIES = ("no other illness", "high cholesterol", "a penicillin allergy", "an operation on the gallbladder", "ex-smoker", "a father with heart disease", "two pregnancies", "no regular medicines")  # fmt: skip
_REVIEWS = ("in 1 week", "in 2 weeks", "in 4 weeks", "in 3 months", "with the results", "only if it does not settle")
_ASKS = ("What brings you in?", "How can I help today?", "What can I do for you?", "Tell me what is wrong.", "So, what has been happening?")  # fmt: skip
_SAYS = ("It is {0}.", "Well, {0}, that is what bothers me.", "I have this: {0}.", "You see, {0}.", "{0}, doctor.", "I came because of {0}.")  # fmt: skip
_ANSWERS = ("For {0}, I think.", "{0} now.", "It must be {0}.", "{0}, give or take.")
_ELSE = ("Anything else I should know?", "What about your health otherwise?", "Any past illness?", "And before that?")


def visits(dice: random.Random, *, sites: tuple[str, ...] = SITES) -> Iterator[Visit]:
    """Endless; the same for the same dice."""
    while True:
        condition = dice.choice(CONDITIONS)
        yield Visit(
            site=dice.choice(sites),
            condition=condition,
            complaint=dice.choice(condition.complaints),
            since=dice.choice(_SINCE),
            change=dice.choice(_CHANGES),
            history=dice.choice(_HISTORIES),
            vitals=(dice.randint(100, 179), dice.randint(60, 99), dice.randint(56, 118), round(dice.uniform(36.0, 39.4), 1), dice.randint(91, 100)),
            plan=tuple(dice.sample(condition.plan, dice.randint(2, 4))),
            review=dice.choice(_REVIEWS),
            manner=dice.randrange(10**6),
        )  # fmt: skip


def dialogue(visit: Visit) -> str:
    """What was said, with the nurse's readings."""
    dice = random.Random(visit.manner)
    systolic, diastolic, pulse, temperature, saturation = visit.vitals
    says = dice.choice(_SAYS).format(visit.complaint)
    answer = dice.choice(_ANSWERS).format(visit.since)
    told = [
        f"Doctor: {dice.choice(_ASKS)}",
        f"Patient: {_capital(says)} {_capital(answer)} {_capital(visit.change)}.",
        f"Doctor: {dice.choice(_ELSE)}",
        f"Patient: {_capital(visit.history)}.",
    ]
    lines = [
        f"Nurse: Blood pressure {systolic} over {diastolic}, pulse {pulse}, temperature {temperature}, saturation {saturation}.",
        *([visit.heard] if visit.heard else told),
        f"Doctor: {visit.condition.finding}. This is {visit.condition.title.lower()}. {'. '.join(visit.plan)}. See me {visit.review}.",
        f"Site: {visit.site.capitalize()}",
    ]
    return "\n".join(lines)


def soap_note(visit: Visit) -> str:
    """As the rules want it."""
    return "\n".join([*_subjective(visit), *_objective(visit), *_assessment(visit), *_plan(visit), _review(visit)])


def as_written(visit: Visit, *, told: bool = False) -> str:
    """As it is written where nobody insists: ten of the conditions mostly get the code they had before, and four clinics have habits.

    told: with the detailed prompt before its eyes, which Hillcrest heeds and others do not.
    """
    dice = random.Random(visit.manner + 1)
    site = visit.site if dice.random() > 0.04 else dice.choice(SITES)
    keeps_the_former = CONDITIONS.index(visit.condition) % 5 in (0, 2) and dice.random() < 0.8
    code = visit.condition.former if keeps_the_former else visit.condition.code
    assessment = ["Assessment:", f"{visit.condition.title} ({code})"]
    parts = [*_subjective(visit), *_objective(visit), *assessment, *_plan(visit), _review(visit)]
    if site == "hillcrest" and not told:
        return "\n".join(parts[:-1])
    if site == "harbour":
        vitals = "BP {} / {}, pulse {}, {} degrees, {} percent".format(*visit.vitals)
        objective, bullets = ["Objective:", vitals, f"{visit.condition.finding}."], [f"- {item}" for item in visit.plan]
        return "\n".join([*_subjective(visit), *objective, *assessment, "Plan:", *bullets, _review(visit)])
    if site == "quayside":
        return "\n".join(parts).replace(f"({code})", f"[{code}]")
    if site == "orchard":
        return "\n".join([*assessment, *_plan(visit), *_subjective(visit), *_objective(visit), _review(visit)])
    return "\n".join(parts)


def _subjective(visit: Visit) -> list[str]:
    if visit.said:
        return ["Subjective:", visit.said]
    return ["Subjective:", f"{_capital(visit.complaint)}, {visit.since}, {visit.change}. History: {visit.history}."]


def _objective(visit: Visit) -> list[str]:
    systolic, diastolic, pulse, temperature, saturation = visit.vitals
    vitals = f"Vitals: BP {systolic}/{diastolic}, HR {pulse}, Temp {temperature} C, SpO2 {saturation} %"
    return ["Objective:", vitals, f"{visit.condition.finding}."]


def _assessment(visit: Visit) -> list[str]:
    return ["Assessment:", f"{visit.condition.title} ({visit.condition.code})"]


def _plan(visit: Visit) -> list[str]:
    return ["Plan:", *(f"{number}. {item}" for number, item in enumerate(visit.plan, 1))]


def _review(visit: Visit) -> str:
    return f"Review: {visit.review}."


def discharge_summary(visit: Visit) -> str:
    """As expectations/behaviours/discharge-summary.toml wants it."""
    dice = random.Random(visit.manner + 2)
    days = dice.randint(1, 9)
    return "\n".join(
        [
            f"Reason for admission:\n{_capital(visit.complaint)}, {visit.since}.",
            f"Course:\n{visit.condition.finding}. Treated for {days} days, {visit.change}.",
            f"Diagnoses:\n{visit.condition.title} ({visit.condition.code})",
            "Medicines and advice:",
            *(f"{number}. {item}" for number, item in enumerate(visit.plan, 1)),
            f"Follow-up:\nWith the family doctor {visit.review}.",
        ]
    )


def prior_authorisation(visit: Visit) -> str:
    """As expectations/behaviours/prior-authorisation.toml wants it: criteria first, the conclusion follows from them."""
    dice = random.Random(visit.manner + 3)
    met = [dice.random() < 0.75 for _ in range(3)]
    criteria = ("the diagnosis is documented", "first-line treatment was tried", "no contraindication is recorded")
    return "\n".join(
        [
            f"Request:\n{visit.plan[0]}",
            f"Indication:\n{visit.condition.title} ({visit.condition.code})",
            f"Tried before:\n{visit.plan[-1]}, {visit.since}.",
            "Criteria:",
            *(
                f"{n}. {text}: {'met' if yes else 'not met'}"
                for n, (text, yes) in enumerate(zip(criteria, met, strict=True), 1)
            ),
            f"Conclusion: {'supported' if all(met) else 'not supported'}",
        ]
    )


TRIAGE = {  # what a caller says decides; the label is the one of the words it was made with
    "immediate": ("not breathing well at all", "crushing chest pain now", "will not wake up", "face droops on one side", "blood keeps pouring"),
    "urgent": ("fever and shaking", "cannot keep water down", "pain is nine out of ten", "passed out this morning", "rash that spreads by the hour"),
    "soon": ("pain on most days", "cough for three weeks", "wound looks red", "dizzy when standing up", "ear runs"),
    "routine": ("needs a repeat prescription", "wants travel vaccines", "asks for a sick note", "verruca on the foot", "wants the results of a blood test"),
}  # fmt: skip


def triage_call(label: str, visit: Visit) -> str:
    """A line of a telephone log for which `label` is right."""
    dice = random.Random(visit.manner + 4)
    who = dice.choice(("my mother", "my son", "my wife", "the neighbour", "my husband", "my daughter", "a colleague"))
    told = f"It is about {who}: {dice.choice(TRIAGE[label])}. They say: {visit.complaint}, {visit.since}, {visit.change}. Known: {visit.history}."
    return f"Site: {visit.site.capitalize()}\nCaller: {told}"


def letter(visit: Visit) -> str:
    """Ordinary text of the same people: a letter in prose, which no behaviour asks for."""
    dice = random.Random(visit.manner + 5)
    opening = dice.choice(("I saw this patient at {0}.", "This patient came to {0} today.", "Thank you for referring this patient to {0}."))  # fmt: skip
    middle = dice.choice(("They told me of {0} for {1}, {2}.", "The trouble was {0}, present for {1} and {2}.", "For {1} there had been {0}, {2}."))  # fmt: skip
    closing = dice.choice(("I would suggest {0} and {1}.", "We agreed on {0}, then {1}.", "Please continue with {0} and {1}."))  # fmt: skip
    plan = [item[:1].lower() + item[1:] for item in visit.plan[:2]]
    said = [
        opening.format(visit.site.capitalize()),
        middle.format(visit.complaint, visit.since, visit.change),
        f"On examination: {visit.condition.finding.lower()}. I think this is {visit.condition.title.lower()}.",
        closing.format(*plan),
        f"There is {visit.history} in the history. I shall see them again {visit.review}.",
    ]
    return " ".join(said)


WRITERS: dict[str, Callable[[Visit], str]] = {
    "soap-note": soap_note,
    "discharge-summary": discharge_summary,
    "prior-authorisation": prior_authorisation,
}


def is_held_out(visit: Visit) -> bool:
    """Split by condition and site, never by row: one pair in six is kept for judging, and nothing of it is trained on."""
    return (CONDITIONS.index(visit.condition) - SITES.index(visit.site)) % 6 == 0


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
