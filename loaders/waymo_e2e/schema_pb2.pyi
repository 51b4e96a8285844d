from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class E2EDFrame(_message.Message):
    __slots__ = ("frame", "future_states", "past_states", "intent", "preference_trajectories")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    FUTURE_STATES_FIELD_NUMBER: _ClassVar[int]
    PAST_STATES_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    PREFERENCE_TRAJECTORIES_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    future_states: EgoTrajectoryStates
    past_states: EgoTrajectoryStates
    intent: EgoIntent.Intent
    preference_trajectories: _containers.RepeatedCompositeFieldContainer[EgoTrajectoryStates]
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., future_states: _Optional[_Union[EgoTrajectoryStates, _Mapping]] = ..., past_states: _Optional[_Union[EgoTrajectoryStates, _Mapping]] = ..., intent: _Optional[_Union[EgoIntent.Intent, str]] = ..., preference_trajectories: _Optional[_Iterable[_Union[EgoTrajectoryStates, _Mapping]]] = ...) -> None: ...

class EgoTrajectoryStates(_message.Message):
    __slots__ = ("pos_x", "pos_y", "pos_z", "vel_x", "vel_y", "accel_x", "accel_y", "preference_score")
    POS_X_FIELD_NUMBER: _ClassVar[int]
    POS_Y_FIELD_NUMBER: _ClassVar[int]
    POS_Z_FIELD_NUMBER: _ClassVar[int]
    VEL_X_FIELD_NUMBER: _ClassVar[int]
    VEL_Y_FIELD_NUMBER: _ClassVar[int]
    ACCEL_X_FIELD_NUMBER: _ClassVar[int]
    ACCEL_Y_FIELD_NUMBER: _ClassVar[int]
    PREFERENCE_SCORE_FIELD_NUMBER: _ClassVar[int]
    pos_x: _containers.RepeatedScalarFieldContainer[float]
    pos_y: _containers.RepeatedScalarFieldContainer[float]
    pos_z: _containers.RepeatedScalarFieldContainer[float]
    vel_x: _containers.RepeatedScalarFieldContainer[float]
    vel_y: _containers.RepeatedScalarFieldContainer[float]
    accel_x: _containers.RepeatedScalarFieldContainer[float]
    accel_y: _containers.RepeatedScalarFieldContainer[float]
    preference_score: float
    def __init__(self, pos_x: _Optional[_Iterable[float]] = ..., pos_y: _Optional[_Iterable[float]] = ..., pos_z: _Optional[_Iterable[float]] = ..., vel_x: _Optional[_Iterable[float]] = ..., vel_y: _Optional[_Iterable[float]] = ..., accel_x: _Optional[_Iterable[float]] = ..., accel_y: _Optional[_Iterable[float]] = ..., preference_score: _Optional[float] = ...) -> None: ...

class EgoIntent(_message.Message):
    __slots__ = ()
    class Intent(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[EgoIntent.Intent]
        GO_STRAIGHT: _ClassVar[EgoIntent.Intent]
        GO_LEFT: _ClassVar[EgoIntent.Intent]
        GO_RIGHT: _ClassVar[EgoIntent.Intent]
    UNKNOWN: EgoIntent.Intent
    GO_STRAIGHT: EgoIntent.Intent
    GO_LEFT: EgoIntent.Intent
    GO_RIGHT: EgoIntent.Intent
    def __init__(self) -> None: ...

class Frame(_message.Message):
    __slots__ = ("context", "timestamp_micros", "images")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MICROS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    context: Context
    timestamp_micros: int
    images: _containers.RepeatedCompositeFieldContainer[CameraImage]
    def __init__(self, context: _Optional[_Union[Context, _Mapping]] = ..., timestamp_micros: _Optional[int] = ..., images: _Optional[_Iterable[_Union[CameraImage, _Mapping]]] = ...) -> None: ...

class Context(_message.Message):
    __slots__ = ("name", "camera_calibrations")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CAMERA_CALIBRATIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    camera_calibrations: _containers.RepeatedCompositeFieldContainer[CameraCalibration]
    def __init__(self, name: _Optional[str] = ..., camera_calibrations: _Optional[_Iterable[_Union[CameraCalibration, _Mapping]]] = ...) -> None: ...

class CameraName(_message.Message):
    __slots__ = ()
    class Name(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[CameraName.Name]
        FRONT: _ClassVar[CameraName.Name]
        FRONT_LEFT: _ClassVar[CameraName.Name]
        FRONT_RIGHT: _ClassVar[CameraName.Name]
        SIDE_LEFT: _ClassVar[CameraName.Name]
        SIDE_RIGHT: _ClassVar[CameraName.Name]
        REAR_LEFT: _ClassVar[CameraName.Name]
        REAR: _ClassVar[CameraName.Name]
        REAR_RIGHT: _ClassVar[CameraName.Name]
    UNKNOWN: CameraName.Name
    FRONT: CameraName.Name
    FRONT_LEFT: CameraName.Name
    FRONT_RIGHT: CameraName.Name
    SIDE_LEFT: CameraName.Name
    SIDE_RIGHT: CameraName.Name
    REAR_LEFT: CameraName.Name
    REAR: CameraName.Name
    REAR_RIGHT: CameraName.Name
    def __init__(self) -> None: ...

class CameraImage(_message.Message):
    __slots__ = ("name", "image", "pose")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    name: CameraName.Name
    image: bytes
    pose: Transform
    def __init__(self, name: _Optional[_Union[CameraName.Name, str]] = ..., image: _Optional[bytes] = ..., pose: _Optional[_Union[Transform, _Mapping]] = ...) -> None: ...

class CameraCalibration(_message.Message):
    __slots__ = ("name", "intrinsic", "extrinsic", "width", "height", "rolling_shutter_direction")
    class RollingShutterReadOutDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
        TOP_TO_BOTTOM: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
        LEFT_TO_RIGHT: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
        BOTTOM_TO_TOP: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
        RIGHT_TO_LEFT: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
        GLOBAL_SHUTTER: _ClassVar[CameraCalibration.RollingShutterReadOutDirection]
    UNKNOWN: CameraCalibration.RollingShutterReadOutDirection
    TOP_TO_BOTTOM: CameraCalibration.RollingShutterReadOutDirection
    LEFT_TO_RIGHT: CameraCalibration.RollingShutterReadOutDirection
    BOTTOM_TO_TOP: CameraCalibration.RollingShutterReadOutDirection
    RIGHT_TO_LEFT: CameraCalibration.RollingShutterReadOutDirection
    GLOBAL_SHUTTER: CameraCalibration.RollingShutterReadOutDirection
    NAME_FIELD_NUMBER: _ClassVar[int]
    INTRINSIC_FIELD_NUMBER: _ClassVar[int]
    EXTRINSIC_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROLLING_SHUTTER_DIRECTION_FIELD_NUMBER: _ClassVar[int]
    name: CameraName.Name
    intrinsic: _containers.RepeatedScalarFieldContainer[float]
    extrinsic: Transform
    width: int
    height: int
    rolling_shutter_direction: CameraCalibration.RollingShutterReadOutDirection
    def __init__(self, name: _Optional[_Union[CameraName.Name, str]] = ..., intrinsic: _Optional[_Iterable[float]] = ..., extrinsic: _Optional[_Union[Transform, _Mapping]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., rolling_shutter_direction: _Optional[_Union[CameraCalibration.RollingShutterReadOutDirection, str]] = ...) -> None: ...

class Transform(_message.Message):
    __slots__ = ("transform",)
    TRANSFORM_FIELD_NUMBER: _ClassVar[int]
    transform: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, transform: _Optional[_Iterable[float]] = ...) -> None: ...

class TrajectoryPrediction(_message.Message):
    __slots__ = ("pos_x", "pos_y")
    POS_X_FIELD_NUMBER: _ClassVar[int]
    POS_Y_FIELD_NUMBER: _ClassVar[int]
    pos_x: _containers.RepeatedScalarFieldContainer[float]
    pos_y: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, pos_x: _Optional[_Iterable[float]] = ..., pos_y: _Optional[_Iterable[float]] = ...) -> None: ...

class FrameTrajectoryPredictions(_message.Message):
    __slots__ = ("frame_name", "trajectory")
    FRAME_NAME_FIELD_NUMBER: _ClassVar[int]
    TRAJECTORY_FIELD_NUMBER: _ClassVar[int]
    frame_name: str
    trajectory: TrajectoryPrediction
    def __init__(self, frame_name: _Optional[str] = ..., trajectory: _Optional[_Union[TrajectoryPrediction, _Mapping]] = ...) -> None: ...

class E2EDChallengeSubmission(_message.Message):
    __slots__ = ("predictions", "submission_type", "account_name", "unique_method_name", "authors", "affiliation", "description", "method_link", "uses_public_model_pretraining", "num_model_parameters", "public_model_names")
    class SubmissionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[E2EDChallengeSubmission.SubmissionType]
        E2ED_SUBMISSION: _ClassVar[E2EDChallengeSubmission.SubmissionType]
    UNKNOWN: E2EDChallengeSubmission.SubmissionType
    E2ED_SUBMISSION: E2EDChallengeSubmission.SubmissionType
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    SUBMISSION_TYPE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NAME_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_METHOD_NAME_FIELD_NUMBER: _ClassVar[int]
    AUTHORS_FIELD_NUMBER: _ClassVar[int]
    AFFILIATION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    METHOD_LINK_FIELD_NUMBER: _ClassVar[int]
    USES_PUBLIC_MODEL_PRETRAINING_FIELD_NUMBER: _ClassVar[int]
    NUM_MODEL_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_MODEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    predictions: _containers.RepeatedCompositeFieldContainer[FrameTrajectoryPredictions]
    submission_type: E2EDChallengeSubmission.SubmissionType
    account_name: str
    unique_method_name: str
    authors: _containers.RepeatedScalarFieldContainer[str]
    affiliation: str
    description: str
    method_link: str
    uses_public_model_pretraining: bool
    num_model_parameters: str
    public_model_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, predictions: _Optional[_Iterable[_Union[FrameTrajectoryPredictions, _Mapping]]] = ..., submission_type: _Optional[_Union[E2EDChallengeSubmission.SubmissionType, str]] = ..., account_name: _Optional[str] = ..., unique_method_name: _Optional[str] = ..., authors: _Optional[_Iterable[str]] = ..., affiliation: _Optional[str] = ..., description: _Optional[str] = ..., method_link: _Optional[str] = ..., uses_public_model_pretraining: _Optional[bool] = ..., num_model_parameters: _Optional[str] = ..., public_model_names: _Optional[_Iterable[str]] = ...) -> None: ...
