"""The EU DSA statement of reasons (Regulation (EU) 2022/2065, Article 17), as its Transparency Database publishes it.

Names and enum values are verbatim those of schema v2, in force since 2025-07-01. The values that only schema v1 had
stand in lists of their own, so that the older official dumps can be read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from livewarden.contracts.base import Id, Instant, Label, Market, Part

DecisionVisibility = Literal[
    "DECISION_VISIBILITY_CONTENT_REMOVED",
    "DECISION_VISIBILITY_CONTENT_DISABLED",
    "DECISION_VISIBILITY_CONTENT_DEMOTED",
    "DECISION_VISIBILITY_CONTENT_AGE_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
    "DECISION_VISIBILITY_CONTENT_LABELLED",
    "DECISION_VISIBILITY_OTHER",
]
DecisionMonetary = Literal[
    "DECISION_MONETARY_SUSPENSION",
    "DECISION_MONETARY_TERMINATION",
    "DECISION_MONETARY_OTHER",
]
DecisionProvision = Literal[
    "DECISION_PROVISION_PARTIAL_SUSPENSION",
    "DECISION_PROVISION_TOTAL_SUSPENSION",
    "DECISION_PROVISION_PARTIAL_TERMINATION",
    "DECISION_PROVISION_TOTAL_TERMINATION",
]
DecisionAccount = Literal[
    "DECISION_ACCOUNT_SUSPENDED",
    "DECISION_ACCOUNT_TERMINATED",
]
AccountType = Literal[
    "ACCOUNT_TYPE_BUSINESS",
    "ACCOUNT_TYPE_PRIVATE",
]
DecisionGround = Literal[
    "DECISION_GROUND_ILLEGAL_CONTENT",
    "DECISION_GROUND_INCOMPATIBLE_CONTENT",
]
Category = Literal[
    "STATEMENT_CATEGORY_ANIMAL_WELFARE",
    "STATEMENT_CATEGORY_CONSUMER_INFORMATION",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    "STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN",
    "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS",
    "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE",
    "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    "STATEMENT_CATEGORY_SELF_HARM",
    "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    "STATEMENT_CATEGORY_VIOLENCE",
]
CategoryV1 = Literal[
    "STATEMENT_CATEGORY_SCOPE_OF_PLATFORM_SERVICE",
    "STATEMENT_CATEGORY_UNSAFE_AND_ILLEGAL_PRODUCTS",
    "STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT",
    "STATEMENT_CATEGORY_NON_CONSENSUAL_BEHAVIOUR",
]
"""Categories that schema v2 dropped or renamed."""
Keyword = Literal[
    "KEYWORD_ADULT_SEXUAL_MATERIAL",
    "KEYWORD_AGE_SPECIFIC_RESTRICTIONS",
    "KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS",
    "KEYWORD_ANIMAL_HARM",
    "KEYWORD_BIOMETRIC_DATA_BREACH",
    "KEYWORD_BULLYING_AGAINST_GIRLS",
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL",
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE",
    "KEYWORD_CONTENT_PROMOTING_EATING_DISORDERS",
    "KEYWORD_COORDINATED_HARM",
    "KEYWORD_COPYRIGHT_INFRINGEMENT",
    "KEYWORD_CYBER_BULLYING_INTIMIDATION",
    "KEYWORD_CYBER_HARASSMENT",
    "KEYWORD_CYBER_HARASSMENT_AGAINST_WOMEN",
    "KEYWORD_CYBER_INCITEMENT",
    "KEYWORD_CYBER_STALKING",
    "KEYWORD_CYBER_STALKING_AGAINST_WOMEN",
    "KEYWORD_DATA_FALSIFICATION",
    "KEYWORD_DEFAMATION",
    "KEYWORD_DESIGN_INFRINGEMENT",
    "KEYWORD_DISCRIMINATION",
    "KEYWORD_FEMALE_GENDERED_DISINFORMATION",
    "KEYWORD_GEOGRAPHIC_INDICATIONS_INFRINGEMENT",
    "KEYWORD_GEOGRAPHICAL_REQUIREMENTS",
    "KEYWORD_GOODS_SERVICES_NOT_PERMITTED",
    "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS",
    "KEYWORD_HATE_SPEECH",
    "KEYWORD_HIDDEN_ADVERTISEMENT",
    "KEYWORD_HUMAN_EXPLOITATION",
    "KEYWORD_HUMAN_TRAFFICKING",
    "KEYWORD_ILLEGAL_ORGANIZATIONS",
    "KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING",
    "KEYWORD_INAUTHENTIC_ACCOUNTS",
    "KEYWORD_INAUTHENTIC_LISTINGS",
    "KEYWORD_INAUTHENTIC_USER_REVIEWS",
    "KEYWORD_INCITEMENT_AGAINST_WOMEN",
    "KEYWORD_INCITEMENT_VIOLENCE_HATRED",
    "KEYWORD_INSUFFICIENT_INFORMATION_ON_TRADERS",
    "KEYWORD_LANGUAGE_REQUIREMENTS",
    "KEYWORD_MISINFORMATION_DISINFORMATION",
    "KEYWORD_MISLEADING_INFO_CONSUMER_RIGHTS",
    "KEYWORD_MISLEADING_INFO_GOODS_SERVICES",
    "KEYWORD_MISSING_PROCESSING_GROUND",
    "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING",
    "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN",
    "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",
    "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN",
    "KEYWORD_NONCOMPLIANCE_PRICING",
    "KEYWORD_NUDITY",
    "KEYWORD_PATENT_INFRINGEMENT",
    "KEYWORD_PHISHING",
    "KEYWORD_PROHIBITED_PRODUCTS",
    "KEYWORD_PYRAMID_SCHEMES",
    "KEYWORD_RIGHT_TO_BE_FORGOTTEN",
    "KEYWORD_RISK_ENVIRONMENTAL_DAMAGE",
    "KEYWORD_RISK_PUBLIC_HEALTH",
    "KEYWORD_SELF_MUTILATION",
    "KEYWORD_STALKING",
    "KEYWORD_SUICIDE",
    "KEYWORD_TERRORIST_CONTENT",
    "KEYWORD_TRADE_SECRET_INFRINGEMENT",
    "KEYWORD_TRADEMARK_INFRINGEMENT",
    "KEYWORD_TRAFFICKING_WOMEN_GIRLS",
    "KEYWORD_UNLAWFUL_SALE_ANIMALS",
    "KEYWORD_UNSAFE_CHALLENGES",
    "KEYWORD_UNSAFE_PRODUCTS",
    "KEYWORD_VIOLATION_EU_LAW",
    "KEYWORD_VIOLATION_NATIONAL_LAW",
    "KEYWORD_OTHER",
]
KeywordV1 = Literal[
    "KEYWORD_DANGEROUS_TOYS",
    "KEYWORD_DISINFORMATION",
    "KEYWORD_FOREIGN_INFORMATION_MANIPULATION",
    "KEYWORD_GENDER_BASED_VIOLENCE",
    "KEYWORD_IMAGE_BASED_SEXUAL_ABUSE",
    "KEYWORD_INSUFFICIENT_INFORMATION_TRADERS",
    "KEYWORD_MISINFORMATION",
    "KEYWORD_NON_CONSENSUAL_ITEMS_DEEPFAKE",
    "KEYWORD_ONLINE_BULLYING_INTIMIDATION",
    "KEYWORD_REGULATED_GOODS_SERVICES",
]
"""Keywords that schema v2 dropped or renamed."""
ContentType = Literal[
    "CONTENT_TYPE_APP",
    "CONTENT_TYPE_AUDIO",
    "CONTENT_TYPE_IMAGE",
    "CONTENT_TYPE_PRODUCT",
    "CONTENT_TYPE_SYNTHETIC_MEDIA",
    "CONTENT_TYPE_TEXT",
    "CONTENT_TYPE_VIDEO",
    "CONTENT_TYPE_OTHER",
]
SourceType = Literal[
    "SOURCE_ARTICLE_16",
    "SOURCE_TRUSTED_FLAGGER",
    "SOURCE_TYPE_OTHER_NOTIFICATION",
    "SOURCE_VOLUNTARY",
]
AutomatedDecision = Literal[
    "AUTOMATED_DECISION_FULLY",
    "AUTOMATED_DECISION_PARTIALLY",
    "AUTOMATED_DECISION_NOT_AUTOMATED",
]
AnyCategory = Literal[Category, CategoryV1]
AnyKeyword = Literal[Keyword, KeywordV1]
YesNo = Literal["Yes", "No"]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""The platform's own short wording."""


class StatementOfReasons(Part):
    """Why a measure was taken, in the words of the official database.

    Left out on purpose, because free text and people's names never enter the stream: `decision_facts`,
    `illegal_content_explanation`, `incompatible_content_explanation`, `source_identity`. The official files leave an
    empty field empty: leave it unset here.
    """

    uuid: Id | None = Field(default=None, description="Id of the statement in the official database.")
    decision_visibility: tuple[DecisionVisibility, ...] = Field(default=(), description="Restrictions of visibility.")
    decision_visibility_other: ShortText | None = Field(
        default=None, description="The restriction in the platform's words; LIVE and Shop measures stand here."
    )
    end_date_visibility_restriction: Instant | None = Field(default=None, description="End of that restriction.")
    decision_monetary: DecisionMonetary | None = Field(default=None, description="Restriction of payments.")
    decision_monetary_other: ShortText | None = Field(default=None, description="The same in the platform's words.")
    end_date_monetary_restriction: Instant | None = Field(default=None, description="End of that restriction.")
    decision_provision: DecisionProvision | None = Field(default=None, description="Restriction of the service.")
    end_date_service_restriction: Instant | None = Field(default=None, description="End of that restriction.")
    decision_account: DecisionAccount | None = Field(default=None, description="Restriction of the account.")
    end_date_account_restriction: Instant | None = Field(default=None, description="End of that restriction.")
    account_type: AccountType | None = Field(default=None, description="Whether a business holds the account.")
    decision_ground: DecisionGround | None = Field(default=None, description="Illegal, or against the terms.")
    decision_ground_reference_url: ShortText | None = Field(default=None, description="Address of law or terms.")
    illegal_content_legal_ground: ShortText | None = Field(default=None, description="The law relied on.")
    incompatible_content_ground: ShortText | None = Field(default=None, description="The terms relied on.")
    incompatible_content_illegal: YesNo | None = Field(default=None, description="Whether it is illegal besides.")
    category: AnyCategory | None = Field(default=None, description="Category of the violation.")
    category_addition: tuple[AnyCategory, ...] = Field(default=(), description="Further categories.")
    category_specification: tuple[AnyKeyword, ...] = Field(default=(), description="Keywords.")
    category_specification_other: ShortText | None = Field(default=None, description="Keyword in the platform's words.")
    content_type: tuple[ContentType, ...] = Field(default=(), description="Types of the content.")
    content_type_other: ShortText | None = Field(default=None, description="Type in the platform's words.")
    content_language: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Language of the content, ISO 639-1 in capitals (Greek is EL)."
    )
    content_date: Instant | None = Field(default=None, description="When the content was posted.")
    content_id_ean: Label | None = Field(default=None, description="EAN-13 of the product.")
    territorial_scope: tuple[Market, ...] = Field(default=(), description="Countries of the restriction.")
    application_date: Instant | None = Field(default=None, description="From when the restriction applies.")
    source_type: SourceType | None = Field(default=None, description="What brought the platform onto it.")
    automated_detection: YesNo | None = Field(default=None, description="Whether found by automated means.")
    automated_decision: AutomatedDecision | None = Field(default=None, description="How far a machine decided.")
    platform_name: Label | None = Field(default=None, description="The platform that filed.")
    platform_uid: ShortText | None = Field(default=None, description="The platform's own id of the statement.")
    created_at: Instant | None = Field(default=None, description="Entry into the database; often days later.")
