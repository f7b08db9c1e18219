"""What holds in every database that the specs of whole databases make, as SQL.

Written apart from the specs: each condition selects the rows that break it. `spoil` is a change of
the tables after which there are such rows; so each condition is shown to be able to fail.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """`breaks` selects the rows that break it, `spoil` makes some."""

    spec: str
    name: str
    breaks: str
    spoil: str


CLINIC, ICU, CLAIMS = "clinic", "icu_stay", "claims"
OMOP, SYNTHEA, TRIAL = "omop", "synthea_csv", "trial"

VISITS = """select e.*, lag("end") over w as end_before, lag(is_death) over w as death_before
    from encounter e window w as (partition by patient_id order by id)"""

CONDITIONS = (
    # clinic
    Condition(
        CLINIC,
        "encounters follow each other",
        f"from ({VISITS}) where start < end_before",
        "update encounter set start = start - interval 2 year where id like '%-02'",
    ),
    Condition(
        CLINIC,
        "none after death",
        f"from ({VISITS}) where death_before",
        "update encounter set is_death = true where id like '%-01'",
    ),
    Condition(
        CLINIC,
        "encounters while on record",
        "from encounter e join patient p on p.id = e.patient_id where start < p.joined",
        "update patient set joined = joined + 400",
    ),
    Condition(
        CLINIC,
        "the doctor is of the patient's clinic and of the specialty",
        """from encounter e join patient p on p.id = e.patient_id
        join provider d on d.id = e.provider_id
        where d.site_id <> p.site_id or (e.kind = 'emergency') <> (d.specialty = 'emergency_care')
        or (e.kind = 'inpatient') <> (d.specialty = 'hospital')""",
        "update provider set specialty = 'hospital' where specialty = 'family'",
    ),
    Condition(
        CLINIC,
        "a pathway is a chain from the begin of an admission to a final state, its end",
        """from (select a.*, e.start, e."end", e.kind, lead(entered) over w as entered_next,
            row_number() over w - 1 as place
            from admission a left join encounter e on e.id = a.encounter_id
            window w as (partition by encounter_id order by a."index"))
        where kind is distinct from 'inpatient' or place <> "index"
        or (place = 0 and (state <> 'ed' or entered <> start))
        or "left" is distinct from entered_next
        or (state in ('home', 'rehabilitation', 'died')) <> ("left" is null)
        or ("left" is null and entered <> "end")""",
        'update admission set entered = entered + interval 1 minute where "index" = 1',
    ),
    Condition(
        CLINIC,
        "admissions have a pathway, with intensive care and death as marked",
        """from (select e.id, kind, any_value(had_icu) as icu, any_value(is_death) as dead,
            count(a.state) as visits, coalesce(bool_or(a.state = 'icu'), false) as was_icu,
            coalesce(bool_or(a.state = 'died'), false) as was_dead
            from encounter e left join admission a on a.encounter_id = e.id group by all)
        where (kind = 'inpatient') <> (visits > 0) or icu <> was_icu or dead <> was_dead""",
        "update encounter set had_icu = true where kind = 'ambulatory'",
    ),
    Condition(
        CLINIC,
        "readmissions are within 30 days after intensive care",
        """from encounter e where is_icu_readmission <> (kind = 'inpatient' and exists (
            select 1 from encounter f where f.patient_id = e.patient_id and f.id < e.id
            and f.had_icu and e.start - f."end" <= interval 30 day))""",
        "update encounter set is_icu_readmission = true where kind = 'inpatient'",
    ),
    Condition(
        CLINIC,
        "a diagnosis once for each encounter, and always one",
        """from encounter e left join (select encounter_id, count(*) as n, count(distinct code) as m
            from diagnosis group by all) d on d.encounter_id = e.id where n is null or n <> m""",
        "update diagnosis set code = 'I10'",
    ),
    Condition(
        CLINIC,
        "samples in order, during the encounter",
        """from (select l.*, e.start, e."end", lag(taken) over (partition by encounter_id
            order by l."index") as before from lab l join encounter e on e.id = l.encounter_id)
        where taken < start or taken > "end" or taken < before or resulted < taken""",
        'update lab set taken = taken - interval 9 day where "index" = 1',
    ),
    Condition(
        CLINIC,
        "prices and flags of tests are those of the list",
        """from lab l join analyte a on a.id = l.analyte_id where l.price <> a.price
        or flag is distinct from (case when result < low then 'L' when result > high then 'H'
            when result is not null then 'N' end)""",
        "update lab set flag = 'N' where flag = 'H'",
    ),
    Condition(
        CLINIC,
        "a drug once for each encounter",
        """from (select encounter_id, count(*) as n, count(distinct drug_id) as m
            from prescription group by all) where n <> m""",
        "update prescription set drug_id = '314076'",
    ),
    Condition(
        CLINIC,
        "every bill is paid, to the cent, and has the prices of the tests",
        """from (select v.id, v.total, v.paid, v.insurer_part + v.patient_part as parts,
            sum(y.amount) as payments from invoice v left join payment y on y.invoice_id = v.id
            group by all) where payments is distinct from total or paid <> total or parts <> total""",
        "update payment set amount = amount + 0.01 where payer = 'patient'",
    ),
    Condition(
        CLINIC,
        "prices of tests add up",
        """from encounter e left join (select encounter_id, sum(price) as s, count(*) as n from lab
            group by all) l on l.encounter_id = e.id
        where test_prices <> coalesce(s, 0) or tests <> coalesce(n, 0)""",
        "update encounter set tests = tests + 1 where kind = 'emergency'",
    ),
    Condition(
        CLINIC,
        "people with diabetes are monitored",
        """from patient p where diabetic and not exists (select 1 from encounter e join lab l
            on l.encounter_id = e.id where e.patient_id = p.id and l.analyte_id = '4548-4')""",
        "update patient set diabetic = true",
    ),
    Condition(
        CLINIC,
        "patients know their encounters and their death",
        """from patient p left join (select patient_id, count(*) as n,
            max(cast("end" as date)) filter (where is_death) as died from encounter group by all) e
            on e.patient_id = p.id
        where encounters <> coalesce(n, 0) or died_on is distinct from died""",
        "update patient set encounters = encounters + 1",
    ),
    # icu_stay
    Condition(
        ICU,
        "stays follow each other; none after death",
        """from (select s.*, lag(unitdischargetime) over w as before, lag(died) over w as dead
            from stay s window w as (partition by uniquepid order by unitvisitnumber))
        where dead or unitadmittime <= before or unitdischargetime < unitadmittime""",
        "update stay set died = true",
    ),
    Condition(
        ICU,
        "a stay is as long as its pathway, and was ventilated as this says",
        """from stay s join (select stay_id, min(entered) as e, max(entered) as l,
            bool_or(state = 'invasive') as v, bool_or(state = 'expired_in_unit') as d,
            coalesce(sum(epoch("left" - entered)) filter (where state = 'invasive'), 0) / 3600 as h
            from ventilation group by all) v on v.stay_id = s.patientunitstayid
        where e <> unitadmittime or l <> unitdischargetime or v <> ventilated or d <> died
        or abs(h - ventilatedhours) > 0.051""",
        "update stay set ventilated = not ventilated",
    ),
    Condition(
        ICU,
        "vital signs at even steps inside their state",
        """from (select v.*, p.entered, p."left", s.unitadmittime from vital v
            join ventilation p on p.stay_id = v.ventilation_stay_id
            and p."index" = v.ventilation_index
            join stay s on s.patientunitstayid = v.patientunitstayid)
        where observationtime <> entered + interval 15 minute * "index"
        or observationtime >= "left"
        or observationoffset <> floor(epoch(observationtime - unitadmittime) / 60)""",
        "update vital set observationoffset = observationoffset + 1",
    ),
    Condition(
        ICU,
        "pressures in order, saturation a share",
        """from vital where systemicsystolic <= systemicdiastolic + 10 or sao2 > 100
        or systemicmean not between systemicdiastolic and systemicsystolic""",
        "update vital set systemicdiastolic = 200",
    ),
    Condition(
        ICU,
        "blood gases on the ventilator only, in balance",
        """from blood_gas g join ventilation p on p.stay_id = g.ventilation_stay_id
            and p."index" = g.ventilation_index
        where state <> 'invasive' or labresulttime not between entered and "left"
        or abs(HCO3 - 0.0307 * paCO2 * 10 ^ (pH - 6.1)) > 0.051 or HCO3 not between 8 and 45""",
        "update blood_gas set paCO2 = paCO2 + 5",
    ),
    Condition(
        ICU,
        "laboratory in order, during the stay",
        """from (select l.*, lag(labresulttime) over (partition by stay_id order by "index") as b,
            s.unitadmittime, s.unitdischargetime
            from lab l join stay s on s.patientunitstayid = l.stay_id)
        where labresulttime not between unitadmittime and unitdischargetime or labresulttime < b""",
        'update lab set labresulttime = labresulttime - interval 9 day where "index" = 1',
    ),
    Condition(
        ICU,
        "infusions during the stay, each drug once",
        """from (select i.*, unitadmittime, unitdischargetime,
            count(*) over (partition by i.patientunitstayid, drugname) as n
            from infusion i join stay s on s.patientunitstayid = i.patientunitstayid)
        where n > 1 or infusionstart < unitadmittime or infusionstop < infusionstart
        or infusionstop > unitdischargetime""",
        "update infusion set drugname = 'heparin'",
    ),
    Condition(
        ICU,
        "rates while the infusion runs",
        """from infusion_rate r join infusion i on i.infusionid = r.infusion_id
        where infusiontime not between infusionstart and infusionstop or drugrate < 0""",
        "update infusion set infusionstop = infusionstart - interval 1 minute",
    ),
    # claims
    Condition(
        CLAIMS,
        "every line balances: billed = paid + adjustments",
        """from line l left join (select line_id, sum(amount) as a, min(amount) as least
            from adjustment group by all) a on a.line_id = l.id
        where billed <> paid + a or adjusted <> a or least <= 0
        or allowed <> paid + deductible + coinsurance or paid < 0""",
        "update adjustment set amount = amount - 0.01",
    ),
    Condition(
        CLAIMS,
        "the amounts of a claim are the sums over its lines",
        """from claim c join (select claim_id, count(*) as n, sum(billed) as b, sum(allowed) as a,
            sum(deductible) as d, sum(deductible + coinsurance) as o, sum(paid) as p
            from line group by all) l on l.claim_id = c.id
        where n <> lines or b <> billed or a <> allowed or d <> deductible or o <> own_part
        or p <> paid or abs(payer_share - p / a) > 0.00051""",
        "update line set paid = paid + 0.01",
    ),
    Condition(
        CLAIMS,
        "every claim has lines, of its setting",
        """from claim c left join line l on l.claim_id = c.id
            left join service s on s.code = l.service_code
            left join provider p on p.id = c.provider_id
        where l.id is null or s.setting <> c.setting or p.setting <> c.setting""",
        "update claim set setting = 'hospital'",
    ),
    Condition(
        CLAIMS,
        "denied claims pay nothing",
        "from claim where status = 'denied' and (paid <> 0 or own_part <> 0 or allowed <> 0)",
        "update claim set status = 'denied'",
    ),
    Condition(
        CLAIMS,
        "deductibles of the year stay below the plan's, and come first",
        """from member m join plan p on p.id = m.plan_id join (select member_id,
            sum(deductible) as d, sum(own_part - deductible) as rest from claim group by all) c
            on c.member_id = m.id
        where d > p.deductible or (rest > 0 and d < p.deductible)""",
        "update plan set deductible = deductible / 2",
    ),
    Condition(
        CLAIMS,
        "claims in order, while insured",
        """from (select c.*, m.covered_until, lag(served) over (partition by member_id order by c.id)
            as before from claim c join member m on m.id = c.member_id)
        where served < date '2025-01-01' or served >= covered_until or served < before
        or received <= served""",
        "update claim set served = served + 40",
    ),
    Condition(
        CLAIMS,
        "members know their sums",
        """from member m left join (select member_id, count(*) as n, sum(billed) as b, sum(paid) as p
            from claim group by all) c on c.member_id = m.id
        where claims <> coalesce(n, 0) or billed <> coalesce(b, 0) or paid <> coalesce(p, 0)""",
        "update member set paid = paid + 1",
    ),
    # omop
    Condition(
        OMOP,
        "identifiers fit 32 bits and tell the person",
        """from measurement where measurement_id >= 2147483648
        or measurement_id // 40 <> visit_occurrence_id or visit_occurrence_id // 50 <> person_id""",
        "update measurement set person_id = person_id + 1",
    ),
    Condition(
        OMOP,
        "one period for each person, from its first day to its last",
        """from person p left join observation_period o on o.person_id = p.person_id
        where o.person_id is null or observation_period_end_date < observation_period_start_date
        or observation_period_start_date < cast(birth_datetime as date)""",
        "update observation_period set observation_period_end_date = date '1900-01-01'",
    ),
    Condition(
        OMOP,
        "visits inside the period, in order",
        """from (select v.*, lag(visit_start_datetime) over w as b,
            lag(visit_occurrence_id) over w as id_before from visit_occurrence v
            window w as (partition by person_id order by visit_occurrence_id)) v
            join observation_period o on o.person_id = v.person_id
        where visit_start_date < observation_period_start_date or visit_start_datetime < b
        or visit_end_date > observation_period_end_date or visit_end_datetime < visit_start_datetime
        or visit_start_date <> cast(visit_start_datetime as date)
        or preceding_visit_occurrence_id is distinct from id_before""",
        "update visit_occurrence set visit_end_date = visit_end_date + 4000",
    ),
    Condition(
        OMOP,
        "conditions and drugs inside the period",
        """from (select person_id, condition_start_date as s, condition_end_date as e
            from condition_occurrence union all select person_id, drug_exposure_start_date,
            drug_exposure_end_date from drug_exposure union all select person_id,
            measurement_date, null from measurement) x
            join observation_period o on o.person_id = x.person_id
        where s < observation_period_start_date or s > observation_period_end_date or e < s
        or e > observation_period_end_date""",
        "update drug_exposure set drug_exposure_end_date = drug_exposure_end_date + 4000",
    ),
    Condition(
        OMOP,
        "death ends the period",
        """from death d join observation_period o on o.person_id = d.person_id
        where death_date <> observation_period_end_date""",
        "update death set death_date = death_date + 1",
    ),
    Condition(
        OMOP,
        "persons are born when they say, under one concept for each source value",
        """from person where birth_datetime <> make_timestamp(year_of_birth, month_of_birth,
            day_of_birth, 0, 0, 0) or (gender_concept_id = 8507) <> (gender_source_value = 'M')""",
        "update person set gender_concept_id = 8507",
    ),
    Condition(
        OMOP,
        "inpatient visits in hospitals, others of ambulatory kind in clinics",
        """from visit_occurrence v join care_site c on c.care_site_id = v.care_site_id
        where (visit_concept_id = 9202) <> (place_of_service_concept_id = 9202)""",
        "update visit_occurrence set visit_concept_id = 9202",
    ),
    # synthea_csv
    Condition(
        SYNTHEA,
        "encounters end after they start, after birth, none after death",
        """from encounters e join patients p on p.Id = e.PATIENT where STOP < START
        or cast(START as date) < BIRTHDATE or cast(START as date) > DEATHDATE""",
        "update patients set BIRTHDATE = BIRTHDATE + 40000",
    ),
    Condition(
        SYNTHEA,
        "costs add up",
        """from (select e.*, coalesce((select sum(BASE_COST) from procedures x
            where x.ENCOUNTER = e.Id), 0) + coalesce((select sum(BASE_COST) from immunizations x
            where x.ENCOUNTER = e.Id), 0) as parts from encounters e)
        where abs(TOTAL_CLAIM_COST - BASE_ENCOUNTER_COST - parts) > 0.006
        or PAYER_COVERAGE > TOTAL_CLAIM_COST""",
        "update procedures set BASE_COST = BASE_COST + 1",
    ),
    Condition(
        SYNTHEA,
        "medications cost their dispenses, start with the end of the encounter",
        """from medications m join encounters e on e.Id = m.ENCOUNTER
        where abs(TOTALCOST - BASE_COST * DISPENSES) > 0.006 or m.START <> e.STOP
        or m.STOP < m.START or DISPENSES < 1""",
        "update medications set DISPENSES = DISPENSES + 1",
    ),
    Condition(
        SYNTHEA,
        "the payer of an encounter is that of the year of insurance",
        """from encounters e join payer_transitions t on t.PATIENT = e.PATIENT
            and e.START >= t.START_YEAR and e.START < t.END_YEAR where t.PAYER <> e.PAYER""",
        "update encounters set PAYER = (select Id from payers where NAME = 'No Insurance')",
    ),
    Condition(
        SYNTHEA,
        "years of insurance follow each other",
        """from (select t.*, lead(START_YEAR) over (partition by PATIENT order by START_YEAR) as next
            from payer_transitions t) where END_YEAR <= START_YEAR or next <> END_YEAR""",
        "update payer_transitions set END_YEAR = START_YEAR",
    ),
    Condition(
        SYNTHEA,
        "claims name the conditions of their encounter",
        """from claims c left join (select ENCOUNTER, count(*) as n,
            list(CODE) as codes from conditions group by all) x on x.ENCOUNTER = c.APPOINTMENTID
        where (n is null) <> (DIAGNOSIS1 is null) or not coalesce(list_contains(codes, DIAGNOSIS1),
            DIAGNOSIS1 is null) or (coalesce(n, 0) >= 2) <> (DIAGNOSIS2 is not null)""",
        "update claims set DIAGNOSIS1 = 'Z99.9'",
    ),
    Condition(
        SYNTHEA,
        "identifiers nobody has",
        "from patients where SSN not like '9%'",
        "update patients set SSN = '123-45-6789'",
    ),
    Condition(
        SYNTHEA,
        "procedures in order, during the encounter",
        """from procedures x join encounters e on e.Id = x.ENCOUNTER
        where x.START < e.START or x.START > e.STOP or x.STOP < x.START""",
        "update procedures set START = START - interval 90 day",
    ),
    # trial
    Condition(
        TRIAL,
        "study days are differences of dates without a day 0",
        """from (select USUBJID, VSDTC as d, VSDY as n from vs union all select USUBJID, AESTDTC,
            AESTDY from ae union all select USUBJID, SVSTDTC, SVSTDY from sv union all select USUBJID,
            EXSTDTC, EXSTDY from ex union all select USUBJID, DSSTDTC, DSSTDY from ds) x
            join dm using (USUBJID)
        where n = 0 or n <> (d - RFSTDTC) + (case when d >= RFSTDTC then 1 else 0 end)""",
        "update sv set SVSTDTC = SVSTDTC + 1",
    ),
    Condition(
        TRIAL,
        "visits in order, within their windows or on the last day",
        """from (select s.*, lag(SVSTDY) over (partition by USUBJID order by s.VISITNUM) as before,
            RFENDTC, TVDAYB, TVDAYA from sv s join dm using (USUBJID)
            join tv on tv.VISITNUM = s.VISITNUM)
        where SVSTDY <= before or SVLAST <> (SVSTDTC = RFENDTC) or (not SVLAST
            and SVSTDY not between VISITDY - TVDAYB and VISITDY + TVDAYA)""",
        "update sv set SVSTDY = SVSTDY + 20 where VISITNUM = 3",
    ),
    Condition(
        TRIAL,
        "pressures of a visit in order, units by test",
        """from (select USUBJID, VISITNUM, max(VSSTRESN) filter (where VSTESTCD = 'SYSBP') as s,
            max(VSSTRESN) filter (where VSTESTCD = 'DIABP') as d from vs group by all)
        where s < d + 15""",
        "update vs set VSSTRESN = 150 where VSTESTCD = 'DIABP'",
    ),
    Condition(
        TRIAL,
        "not done and no value are the same",
        "from vs where (VSSTAT is not null) <> (VSSTRESN is null) or "
        "(VSSTRESC is null) <> (VSSTRESN is null)",
        "update vs set VSSTRESN = null where VSTESTCD = 'TEMP'",
    ),
    Condition(
        TRIAL,
        "who dies has one fatal event, others none",
        """from dm left join (select USUBJID, count(*) filter (where AEOUT = 'FATAL') as n,
            bool_and((AESDTH = 'Y') = (AEOUT = 'FATAL') and (AESDTH = 'N' or AESER = 'Y')) as good
            from ae group by all) a using (USUBJID)
        where coalesce(n, 0) <> (case when DTHFL = 'Y' then 1 else 0 end) or not good
        or (DTHDTC is null) <> (DTHFL is null)""",
        "update ae set AEOUT = 'FATAL' where AESEQ = 1",
    ),
    Condition(
        TRIAL,
        "events while in the study, in order",
        """from (select a.*, RFSTDTC, RFENDTC, lag(AESTDTC) over (partition by USUBJID order by AESEQ)
            as before from ae a join dm using (USUBJID))
        where AESTDTC < RFSTDTC or AESTDTC > RFENDTC or AEENDTC < AESTDTC or AESTDTC < before""",
        "update ae set AEENDTC = AESTDTC - 1",
    ),
    Condition(
        TRIAL,
        "exposure from the first day to the last without a gap; placebo has no dose",
        """from (select e.*, ARM, RFSTDTC, RFENDTC, lag(EXENDTC) over w as before,
            lead(EXSTDTC) over w as after from ex e join dm using (USUBJID)
            window w as (partition by USUBJID order by EXSEQ))
        where EXSTDTC <> coalesce(before + 1, RFSTDTC) or (after is null and EXENDTC <> RFENDTC)
        or EXENDTC < EXSTDTC or (ARM = 'Placebo') <> (EXDOSE = 0)""",
        "update ex set EXENDTC = EXENDTC - 1",
    ),
    Condition(
        TRIAL,
        "the disposition is that of the subject",
        """from ds join dm using (USUBJID) where DSCAT = 'DISPOSITION EVENT'
        and (DSDECOD <> ENDING or DSSTDTC <> RFENDTC)""",
        "update ds set DSDECOD = 'COMPLETED'",
    ),
)
