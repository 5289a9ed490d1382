"""What says who a patient is, and the gate that keeps it out: every document passes before it is cut into chunks.

    names = ClinicalNames.of_documents(trusted)          eponyms and drugs, from ICD-10-CM and the formulary
    found = gate(documents, names)                       [] when there is nothing
    raise refusal(found)                                 "x.pdf holds what looks like 2 medical record numbers (page 3, …)"

**The rule.** Two kinds of identifiers. Some by themselves say *which patient*: a name after a patient's label, numbers of
records, insurance, social security and payment cards, a date of birth. One of them refuses the document. The others are
ways to reach somebody or describe them: telephone, fax, e-mail, postal address, device, account and licence numbers, an age
over 89, a bare "Name:". Guidelines, formularies and labels are full of those, of clinics, authors, publishers and hotlines.
They count only in a patient's context: within `NEAR` characters of one of the first kind, or after a label of the
patient's own ("Home phone:"). Freephone numbers and role mailboxes (info@) never count.

**The eighteen of HIPAA's safe harbour** (45 CFR 164.514(b)(2)): covered are names, geographic units smaller than a state
(streets, postcodes), dates of birth, ages over 89, telephone, fax, e-mail, social security, medical record, health plan and
account numbers, driving licences, licence plates and device numbers. Not covered: other dates of a patient (a guideline is
full of dates), web and IP addresses (they lead to publishers, and version numbers look like them), professional
certificates, biometrics, photographs, and any other unique code. Beyond HIPAA: NHS numbers, Canadian health and social
insurance numbers, Medicare beneficiary identifiers, payment cards.

**What is not found, and nobody should think so**: names in running text without a label ("Martha came in again"), names in
pictures, and numbers that no label, shape or check digit gives away. The gate is a net, not a de-identification.
"""

from probatum.phi.find import KINDS, NEAR, Identifier, find_identifiers
from probatum.phi.gate import Found, Place, gate, refusal
from probatum.phi.names import ClinicalNames

__all__ = ["KINDS", "NEAR", "ClinicalNames", "Found", "Identifier", "Place", "find_identifiers", "gate", "refusal"]
